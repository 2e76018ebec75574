policy {
  access {
    socks5 = "127.0.0.1:1080"
  }
}
