policy {
  access {
    ssh_from = ["203.0.113.0/24"]
    socks5   = "ops:secret@127.0.0.1:1080"
    jump "bastion.example.com:0" {
      user     = "-oProxyCommand=x"
      host_key = "bastion.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM1mfaf7sI4BKZ0uitIRFq3F/2rscIlxjDYwMxI9hv02"
    }
    jump "two words" {
      user     = "ops"
      host_key = "-----BEGIN OPENSSH PRIVATE KEY-----"
    }
    jump "a.example.com" {
      host_key = "ssh-ed25519 AAAA"
      password = "x"
    }
    jump "b.example.com" {
      user = "ops"
    }
    jump "c.example.com" {
      user     = "ops"
      host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM1mfaf7sI4BKZ0uitIRFq3F/2rscIlxjDYwMxI9hv02"
    }
    jump "c.example.com:22" {
      user     = "ops"
      host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM1mfaf7sI4BKZ0uitIRFq3F/2rscIlxjDYwMxI9hv02"
    }
  }
}
