policy {
}

policy {
}
