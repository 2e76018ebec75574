# terraform init && terraform test, in this module's folder. Needs no provider.

variables {
  name           = "echo"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
  ssh_host_keys = [
    { private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n", public_key = "ssh-ed25519 AAAA0" },
    { private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----", public_key = "ssh-ed25519 AAAA1 a comment" },
  ]
  service = {
    source = { native = {
      url    = "https://example.com/echo.tar.gz"
      sha256 = "abababababababababababababababababababababababababababababababab"
      binary = "echo"
      args   = ["--rate", "100%", "$HOME", "a\"b\\c"]
    } }
    ports   = [{ name = "http", number = 8080, public = true }]
    env     = { GREETING = "say \"hi\" for $5 `now` \\o/", TEMPLATE = "$${x} %%{y}" }
    secrets = []
  }
}

run "one_document_an_instance" {
  command = plan
  assert {
    condition     = length(output.user_data) == 2
    error_message = "There must be one document for each host key."
  }
  assert {
    condition     = alltrue([for d in output.user_data : startswith(d, "#cloud-config\n") && can(yamldecode(d))])
    error_message = "Each document must be a cloud-config that YAML can read."
  }
  assert {
    condition     = [for d in output.user_data : yamldecode(d).ssh_keys.ed25519_public] == ["ssh-ed25519 AAAA0\n", "ssh-ed25519 AAAA1 a comment\n"]
    error_message = "Each document must have its own host key."
  }
  assert {
    condition     = alltrue([for d in output.user_data : endswith(yamldecode(d).ssh_keys.ed25519_private, "-----\n")])
    error_message = "sshd refuses a key file that does not end in a line break."
  }
}

run "quoting" {
  command = plan
  assert {
    condition     = { for f in yamldecode(output.user_data[0]).write_files : f.path => f.content }["/etc/skysail/service.env"] == "GREETING=\"say \\\"hi\\\" for \\$5 \\`now\\` \\\\o/\"\nTEMPLATE=\"\\$${x} %%{y}\"\n"
    error_message = "service.env is not quoted as systemd reads it."
  }
  assert {
    condition     = strcontains({ for f in yamldecode(output.user_data[0]).write_files : f.path => f.content }["/etc/systemd/system/skysail-echo.service"], "\nExecStart=\"/opt/skysail/app/echo\" \"--rate\" \"100%%\" \"$$HOME\" \"a\\\"b\\\\c\"\n")
    error_message = "ExecStart is not quoted as systemd reads it."
  }
}

run "starts_at_once_without_secrets" {
  command = plan
  assert {
    condition     = !strcontains(output.user_data[0], "ConditionPathExists")
    error_message = "A service without secrets must not wait for them."
  }
}

run "waits_for_secrets" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = [{ name = "http", number = 80, public = true }]
      env     = {}
      secrets = ["API_KEY"]
    }
  }
  assert {
    condition     = strcontains(output.user_data[0], "ConditionPathExists=/etc/skysail/secrets.env") && strcontains(output.user_data[0], "--env API_KEY docker.io/library/nginx\\n")
    error_message = "The unit must wait for its secrets and hand them to the container by name."
  }
}

run "gpu_devices" {
  command = plan
  variables {
    accelerator = "nvidia"
  }
  assert {
    condition     = strcontains(output.user_data[0], "PrivateDevices=no") && strcontains(output.user_data[0], "ProtectClock=no")
    error_message = "With these on, the service could not open the GPU's devices."
  }
}

run "too_large" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = []
      env     = { BIG = join("", [for i in range(1000) : "0123456789012345678901234567890123456789012345678901234567890123456789"]) }
      secrets = []
    }
  }
  expect_failures = [output.user_data]
}

run "environment_of_the_engine" {
  command = plan
  variables {
    service = {
      source  = { container = { image = "nginx" } }
      ports   = []
      env     = { LD_PRELOAD = "/x.so" }
      secrets = []
    }
  }
  expect_failures = [output.user_data]
}

run "refused_key" {
  command = plan
  variables {
    ssh_public_key = "ssh-ed25519 AAAA\nssh-ed25519 BBBB"
  }
  expect_failures = [var.ssh_public_key]
}

run "refused_host_key" {
  command = plan
  variables {
    ssh_host_keys = [{ private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\n'; reboot; '\n-----END OPENSSH PRIVATE KEY-----\n", public_key = "ssh-ed25519 AAAA" }]
  }
  expect_failures = [var.ssh_host_keys]
}

run "refused_name" {
  command = plan
  variables {
    name = "a b"
  }
  expect_failures = [var.name]
}

run "guarded_and_limited" {
  command = plan
  assert {
    condition = alltrue([for part in [
      "\\nRequires=skysail-metadata-guard.service\\n", "\\nSlice=skysail.slice\\n", "\\nMemoryMax=90%\\n", "ip daddr 169.254.169.254 jump",
    ] : strcontains(output.user_data[0], part)])
    error_message = "The service must not start without its guard, nor outside its slice."
  }
  assert {
    condition     = !strcontains(output.user_data[0], "data-disk.service") && length(yamldecode(output.user_data[0]).bootcmd) == 1
    error_message = "Without a data disk or a TTL there must be nothing of either."
  }
}

run "data_disk" {
  command = plan
  variables {
    data_disk    = { path = "/srv/data" }
    data_devices = ["/dev/disk/by-id/scsi-0DO_Volume_*"]
  }
  assert {
    condition     = strcontains(output.user_data[0], "\\nBindPaths=/var/lib/skysail/disk/data:/srv/data\\n") && strcontains(output.user_data[0], "Requires=skysail-metadata-guard.service skysail-data-disk.service")
    error_message = "The service must see its disk, and not start without it."
  }
}

run "data_disk_without_devices" {
  command = plan
  variables {
    data_disk = { path = "/srv/data" }
  }
  expect_failures = [output.user_data]
}

run "refused_device" {
  command = plan
  variables {
    data_disk    = { path = "/srv/data" }
    data_devices = ["/dev/sda; reboot"]
  }
  expect_failures = [var.data_devices]
}

run "ttl" {
  command = plan
  variables {
    ttl_seconds = 3600
  }
  assert {
    condition     = startswith(yamldecode(output.user_data[0]).bootcmd[1], "ttl_seconds='3600'\n")
    error_message = "The machine must power itself off."
  }
}

run "docker" {
  command = plan
  variables {
    engine      = "docker"
    accelerator = "nvidia"
    service = {
      source  = { container = { image = "nginx" } }
      ports   = []
      env     = {}
      secrets = []
    }
  }
  assert {
    condition     = strcontains(output.user_data[0], "--cgroup-parent skysail.slice --gpus all docker.io/library/nginx") && strcontains(output.user_data[0], "docker.service")
    error_message = "docker's containers must be in the slice."
  }
}
