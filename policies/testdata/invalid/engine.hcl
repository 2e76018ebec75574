policy {
  engine = "terafform"
}
