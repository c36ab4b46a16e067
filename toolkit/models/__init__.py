"""Networks: a Spec says what one is, building.build makes it. A spec needs no torch."""
