{"service": {"echo": {}}}
