"""A small strict parser of MLIR text in which operations stand in generic form."""

from __future__ import annotations

from typing import NoReturn

from lgsim.frontends.tpu_mlir.lexer import Source
from lgsim.frontends.tpu_mlir.syntax import Attribute, Function, Location, Module, Operation
from lgsim.frontends.tpu_mlir.values import ValueParser


def parse_module(text: str, where: str) -> Module:
    """Parse the text of one file.

    Parameters
    ----------
    text : str
        MLIR text: modules, functions and return in their usual form, operations generic.
    where : str
        Name of the file, for messages.

    Raises
    ------
    LgsimError
        With line and column of the first thing that is not understood.
    """
    return _Parser(Source(text, where)).file()


class _Parser(ValueParser):
    """Recursive descent over modules, functions and operations."""

    def file(self) -> Module:
        module = Module()
        while self.peek.kind != "end":
            if self.peek.kind == "alias":
                self._alias_definition(module)
            elif self.peek.text == "module":
                self._module(module)
            elif self.peek.text == "func.func":
                self._function(module)
            else:
                self._expected("a module, a function or a location alias")
        return module

    def _alias_definition(self, module: Module) -> None:
        alias = self.take().text
        self.expect("=")
        if self.peek.text != "loc":
            self._expected("loc(...)")
        module.locations[alias] = self.location()

    def _module(self, module: Module) -> None:
        self.expect("module")
        if self.peek.kind == "symbol":
            # The innermost name is the network's: newer files wrap it in an outer module.
            module.name = self.take().text.removeprefix("@").strip('"')
        if self.accept("attributes"):
            module.attributes.update(self.dictionary())
        self.expect("{")
        while not self.accept("}"):
            if self.peek.text == "module":
                self._module(module)
            elif self.peek.text == "func.func":
                self._function(module)
            else:
                self._expected("a function")
        self.optional_location()

    def _function(self, module: Module) -> None:
        start = self.expect("func.func")
        while self.peek.kind == "word":
            self.take()  # visibility
        if self.peek.kind != "symbol":
            self._expected("the name of a function")
        function = Function(self.take().text.removeprefix("@"), {}, offset=start.offset)
        self.expect("(")
        while not self.accept(")"):
            argument = self._value()
            self.expect(":")
            function.arguments[argument] = self.type()
            if self.peek.text == "{":
                self.dictionary()
            self.optional_location()
            self.accept(",")
        if self.accept("->"):
            self.type_list()
        if self.accept("attributes"):
            self.dictionary()
        self.expect("{")
        while not self.accept("}"):
            self._statement(function)
        self.optional_location()
        module.functions.append(function)

    def _statement(self, function: Function) -> None:
        if self.peek.text in ("return", "func.return"):
            self.take()
            function.returned = tuple(self._values())
            if self.accept(":"):
                self.type()
                while self.accept(","):
                    self.type()
            self.optional_location()
            return
        operation = self._operation()
        if operation.name == "func.return":
            function.returned = operation.operands
        else:
            function.operations.append(operation)

    def _operation(self) -> Operation:
        results: list[str] = []
        while self.peek.kind == "value":
            results.extend(self._result_names())
            if not self.accept(","):
                self.expect("=")
        name = self.peek
        if name.kind != "string":
            self._expected('an operation in generic form such as "tpu.Add"(...)')
        self.take()
        self.expect("(")
        operands = self._values()
        self.expect(")")
        if self.peek.text == "(":
            self.fail("operations with regions are not supported", self.peek)
        attributes = self._attributes()
        self.expect(":")
        operand_types = self.type_list()
        self.expect("->")
        result_types = self.type_list()
        for what, names, types in (
            ("operands", operands, operand_types),
            ("results", results, result_types),
        ):
            if len(names) != len(types):
                self.fail(f"{len(names)} {what} but {len(types)} types for them", name)
        return Operation(
            name.text.strip('"'),
            tuple(results),
            tuple(operands),
            attributes,
            tuple(operand_types),
            tuple(result_types),
            self.optional_location(),
            name.offset,
        )

    def _attributes(self) -> dict[str, Attribute]:
        attributes: dict[str, Attribute] = {}
        if self.accept("<"):  # properties of newer MLIR: <{...}>
            attributes.update(self.dictionary())
            self.expect(">")
        if self.peek.text == "{":
            attributes.update(self.dictionary())
        return attributes

    def _result_names(self) -> list[str]:
        name = self._value()
        if not self.accept(":"):
            return [name]
        count = self.integer()
        return [f"{name}#{index}" for index in range(count)]

    def _values(self) -> list[str]:
        values: list[str] = []
        while self.peek.kind == "value":
            values.append(self._value())
            if not self.accept(","):
                break
        return values

    def _value(self) -> str:
        if self.peek.kind != "value":
            self._expected("a value such as %0")
        return self.take().text

    def _expected(self, what: str) -> NoReturn:
        self.fail(f"expected {what}, found {self.peek.text!r}", self.peek)

    def optional_location(self) -> Location:
        """The location that may follow; an empty one if there is none."""
        return self.location() if self.peek.text == "loc" else Location()
