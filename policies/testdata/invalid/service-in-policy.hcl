policy {
}

service "echo" {
}
