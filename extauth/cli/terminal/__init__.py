"""The parts that commands share: their table, options, values and output."""
