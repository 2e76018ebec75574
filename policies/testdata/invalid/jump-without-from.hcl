policy {
  access {
    jump "192.0.2.10:2222" {
      user     = "ops"
      host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM1mfaf7sI4BKZ0uitIRFq3F/2rscIlxjDYwMxI9hv02"
    }
  }
}
