"""The leaves of MLIR text: types, attributes and locations."""

from __future__ import annotations

from typing import NoReturn

from lgsim.frontends.tpu_mlir.lexer import Source, Token
from lgsim.frontends.tpu_mlir.syntax import Attribute, Location
from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType

_ELEMENTS = {
    "f32": DType.F32,
    "f16": DType.F16,
    "bf16": DType.BF16,
    "i64": DType.I64,
    "si64": DType.I64,
    "i32": DType.I32,
    "si32": DType.I32,
    "ui32": DType.U32,
    "u32": DType.U32,
    "i16": DType.I16,
    "si16": DType.I16,
    "ui16": DType.U16,
    "u16": DType.U16,
    "i8": DType.I8,
    "si8": DType.I8,
    "ui8": DType.U8,
    "u8": DType.U8,
    "i4": DType.I4,
    "si4": DType.I4,
    "ui4": DType.I4,
    "i1": DType.BOOL,
}
_CLOSING = {"<": ">", "(": ")", "[": "]", "{": "}"}


class ValueParser:
    """A cursor over the tokens of a source, and the grammar of everything below operations."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = source.tokens()
        self._next = 0

    # -- the cursor ------------------------------------------------------------------------

    @property
    def peek(self) -> Token:
        """The next token."""
        return self._tokens[self._next]

    def take(self) -> Token:
        """The next token, which is consumed."""
        token = self._tokens[self._next]
        if token.kind == "end":
            self.fail("the file ends in the middle of something", token)
        self._next += 1
        return token

    def accept(self, text: str) -> bool:
        """Consume the next token if it reads `text`."""
        if self._tokens[self._next].text != text:
            return False
        self._next += 1
        return True

    def expect(self, text: str) -> Token:
        """Consume the next token, which must read `text`."""
        if self.peek.kind == "end":
            self.fail(f"the file ends where {text!r} should stand", self.peek)
        if self.peek.text != text:
            self.fail(f"expected {text!r}, found {self.peek.text!r}", self.peek)
        return self.take()

    def fail(self, what: str, at: Token) -> NoReturn:
        """Raise an error at a token."""
        hint = "is the file truncated?" if at.kind == "end" else ""
        raise self._source.error(what, at.offset, hint)

    def integer(self) -> int:
        """Consume an integer."""
        token = self.take()
        if token.kind != "number" or not token.text.lstrip("-").isdigit():
            self.fail(f"expected a whole number, found {token.text!r}", token)
        return int(token.text)

    def _skip_brackets(self) -> str:
        """Consume a bracketed stretch; returns the last word or string inside."""
        opening = self.take()
        closing, last = _CLOSING[opening.text], ""
        while self.peek.text != closing:
            if self.peek.text in _CLOSING:
                last = self._skip_brackets() or last
                continue
            token = self.take()
            if token.kind in ("word", "string"):
                last = token.text.strip('"')
        self.take()
        return last

    # -- types -----------------------------------------------------------------------------

    def type_list(self) -> list[TensorType | None]:
        """One type, or several in parentheses."""
        if not self.accept("("):
            return [self.type()]
        types: list[TensorType | None] = []
        while not self.accept(")"):
            types.append(self.type())
            self.accept(",")
        return types

    def type(self) -> TensorType | None:
        """A ranked tensor of static shape; None for ``none``."""
        token = self.take()
        if token.text == "none":
            return None
        if token.text != "tensor":
            self.fail(f"expected a tensor type or none, found {token.text!r}", token)
        self.expect("<")
        shape, element = self._shape(token)
        if self.accept(","):  # an encoding attribute
            self.attribute()
        self.expect(">")
        return TensorType(shape, element)

    def _shape(self, at: Token) -> tuple[tuple[int, ...], DType]:
        text = ""
        while self.peek.kind in ("number", "word"):
            text += self.take().text
        if self.peek.text in ("?", "*"):
            self.fail("tensors must have a static shape", at)
        *sizes, element = text.split("x")
        if not all(size.isdigit() for size in sizes):
            self.fail(f"'{text}' is not a tensor shape", at)
        shape = tuple(int(size) for size in sizes)
        if self.peek.kind == "dialect" and not element:
            return shape, self._quantized()
        return shape, self._element(element, at)

    def _element(self, name: str, at: Token) -> DType:
        if name not in _ELEMENTS:
            self.fail(f"unknown element type '{name}'", at)
        return _ELEMENTS[name]

    def _quantized(self) -> DType:
        """`!quant.uniform<storage:…>` is stored as its storage type, calibrated as itself."""
        dialect = self.take()
        if dialect.text not in ("!quant.uniform", "!quant.calibrated"):
            self.fail(f"unknown element type '{dialect.text}'", dialect)
        self.expect("<")
        storage = self.take()
        dtype = self._element(storage.text, storage)
        while not self.accept(">"):
            if self.peek.text in _CLOSING:
                self._skip_brackets()
            else:
                self.take()
        return dtype

    # -- attributes ------------------------------------------------------------------------

    def dictionary(self) -> dict[str, Attribute]:
        """``{name = value, flag, …}``; a name without a value is True."""
        self.expect("{")
        entries: dict[str, Attribute] = {}
        while not self.accept("}"):
            key = self.take()
            if key.kind not in ("word", "string"):
                self.fail(f"expected the name of an attribute, found {key.text!r}", key)
            entries[key.text.strip('"')] = self.attribute() if self.accept("=") else True
            self.accept(",")
        return entries

    def attribute(self) -> Attribute:
        """One attribute value."""
        token = self.peek
        if token.kind == "number":
            self.take()
            if self.accept(":"):
                self.take()  # the width of the number does not matter here
            whole = token.text.lstrip("-").isdigit()
            return int(token.text) if whole else float(token.text)
        if token.kind in ("string", "symbol"):
            self.take()
            return token.text.removeprefix("@").strip('"')
        if token.text in ("true", "false"):
            self.take()
            return token.text == "true"
        if token.text == "[":
            return self._array()
        if token.text == "{":
            return dict(self.dictionary())
        return self._opaque()

    def _array(self) -> Attribute:
        self.expect("[")
        items: list[Attribute] = []
        while not self.accept("]"):
            items.append(self.attribute())
            self.accept(",")
        return items

    def _opaque(self) -> Attribute:
        """Enum and type attributes: their last word is what identifies them."""
        token = self.take()
        if token.kind not in ("alias", "dialect", "word"):
            self.fail(f"expected an attribute, found {token.text!r}", token)
        last = token.text
        if self.peek.text == "<":
            last = self._skip_brackets() or last
        if self.accept(":"):  # dense<…> : type
            self.type()
        return last

    # -- locations -------------------------------------------------------------------------

    def location(self) -> Location:
        """``loc(…)``: a name, an alias, a file position, or several of them fused."""
        self.expect("loc")
        self.expect("(")
        found = self._location_body()
        self.expect(")")
        return found

    def _location_body(self) -> Location:
        token = self.take()
        if token.kind == "alias":
            return Location(aliases=(token.text,))
        if token.kind == "string":
            return self._named(token)
        if token.text == "unknown":
            return Location()
        if token.text == "fused":
            return self._fused()
        if token.text != "callsite":
            self.fail(f"expected a location, found {token.text!r}", token)
        return Location(names=(self._skip_brackets(),))

    def _named(self, token: Token) -> Location:
        name = token.text[1:-1]
        while self.accept(":"):  # a position in a source file
            name += f":{self.integer()}"
        if self.peek.text == "(":
            self._skip_brackets()
        return Location(names=(name,))

    def _fused(self) -> Location:
        if self.peek.text == "<":
            self._skip_brackets()
        self.expect("[")
        names: list[str] = []
        aliases: list[str] = []
        while not self.accept("]"):
            part = self._location_body()
            names.extend(part.names)
            aliases.extend(part.aliases)
            self.accept(",")
        return Location(tuple(names), tuple(aliases))
