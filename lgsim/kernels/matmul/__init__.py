"""Matrix products: in local memory, and alone on either of the two units."""
