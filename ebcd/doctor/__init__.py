"""What speaks against the next release, asked of AWS beforehand: `look` asks, `judge` says what the answers mean."""
