def lines():
    return ["opening balance", "rent"]
