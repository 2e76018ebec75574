# What every provider's module refuses: their variables.tf are the same file,
# which modules_test.go tests by itself, so that no provider is needed.

variables {
  deployment_id  = "d4k2m9x7qpb1"
  name           = "echo"
  size           = "vc2-2c-4gb"
  region         = "ewr"
  instances      = 1
  ssh_from       = ["203.0.113.0/24"]
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
  ssh_host_keys  = [{ private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n", public_key = "ssh-ed25519 AAAA0\n" }]
  tags           = {}
  service = {
    source  = { container = { image = "nginx" } }
    ports   = [{ name = "http", number = 80, public = true }]
    env     = {}
    secrets = []
  }
}

run "accepted" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://user.example/a'b$(x)?y=%20", sha256 = "${join("", [for i in range(64) : "a"])}", binary = ".bin/a+b@2/c-d_e.f", args = ["", "$HOME 100% \"\\"] } }
      ports   = [{ name = "a", number = 1, public = true }, { name = "b", number = 65535, public = false }]
      env     = { _A1 = "tab\tline\n" }
      secrets = ["B"]
      health  = { port = 65535, path = "/a?b=%20" }
    }
  }
}

run "deployment_id" {
  command = plan
  variables {
    deployment_id = "d4k2m9x7qpb1\n"
  }
  expect_failures = [var.deployment_id]
}

run "name" {
  command = plan
  variables {
    name = "-echo"
  }
  expect_failures = [var.name]
}

run "size" {
  command = plan
  variables {
    size = "a b"
  }
  expect_failures = [var.size]
}

run "region" {
  command = plan
  variables {
    region = ""
  }
  expect_failures = [var.region]
}

run "instances" {
  command = plan
  variables {
    instances = 1.5
  }
  expect_failures = [var.instances]
}

run "no_source" {
  command = plan
  variables {
    service = {
      source  = {}
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "two_sources" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" }, native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "a", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "image" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx; reboot" } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "url_scheme" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "ftp://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "a", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "url_line" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a\nb", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "a", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "sha256" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "abc", binary = "a", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "binary_0" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "/bin/sh", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "binary_1" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "../sh", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "binary_2" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "a/../b", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "binary_3" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "a//b", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "binary_4" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "a/", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "binary_5" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "-a", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "binary_6" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "a b", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "binary_7" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "", args = [] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "args" {
  command = plan
  variables {
    service = {
      source  = { native = { url = "https://example.com/a.tgz", sha256 = "${join("", [for i in range(64) : "a"])}", binary = "a", args = ["a\nb"] } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "port_number" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 0, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "port_twice" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "a", number = 80, public = true }, { name = "b", number = 80, public = true }]
      env     = {}
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "health_port" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
      health  = { port = 81, path = "/" }
    }
  }
  expect_failures = [var.service]
}

run "health_path" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = []
      health  = { port = 80, path = "healthz" }
    }
  }
  expect_failures = [var.service]
}

run "env_name" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = { "A=B" = "c" }
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "env_value" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = { A = "\u0007" }
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "env_value_not_in_yaml" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = { A = "\u0085" }
      secrets = []
    }
  }
  expect_failures = [var.service]
}

run "secret_name" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = ["A B"]
    }
  }
  expect_failures = [var.service]
}

run "ssh_from" {
  command = plan
  variables {
    ssh_from = ["203.0.113.7"]
  }
  expect_failures = [var.ssh_from]
}

run "ssh_public_key" {
  command = plan
  variables {
    ssh_public_key = "not a key"
  }
  expect_failures = [var.ssh_public_key]
}

run "ssh_host_keys" {
  command = plan
  variables {
    ssh_host_keys = [{ private_key = "x", public_key = "ssh-ed25519 AAAA0" }]
  }
  expect_failures = [var.ssh_host_keys]
}

run "tags" {
  command = plan
  variables {
    tags = { a = "b c" }
  }
  expect_failures = [var.tags]
}
