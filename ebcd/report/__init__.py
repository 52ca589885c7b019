"""What a run tells: `result` as data (the JSON of the contract), `text` for people, `github` for Actions."""
