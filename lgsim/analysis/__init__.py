"""What can be asked of a network and its plans: answers as plain values, which `report/` words."""
