"""From a grey image of any size to a coloured one: lightness, hints, variants, references, confidence."""
