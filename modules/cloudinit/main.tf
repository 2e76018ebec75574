locals {
  unit = "skysail-${var.name}.service"

  # What install.sh needs to know, as shell assignments: the script itself is
  # the same for every service, and no value is ever part of its text.
  install_env = join("", [for k, v in {
    unit         = local.unit
    kind         = local.native != null ? "native" : "container"
    engine       = var.engine
    url          = local.native != null ? local.native.url : ""
    sha256       = local.native != null ? local.native.sha256 : ""
    binary       = local.native != null ? local.native.binary : ""
    secrets      = length(var.service.secrets) > 0 ? "yes" : "no"
    accelerator  = var.accelerator
    data_devices = var.data_disk == null ? "" : join(" ", var.data_devices)
  } : "${k}='${replace(v, "'", "'\\''")}'\n"])

  # systemd's EnvironmentFile: inside double quotes a backslash takes the
  # meaning from these four characters and from no other.
  service_env = join("", [for k, v in var.service.env :
    "${k}=\"${replace(v, "/([\\\\\"$`])/", "\\$1")}\"\n"
  ])

  sshd_config = <<-EOT
    # The one host key that the deployment knows, and nobody but its user.
    HostKey /etc/ssh/ssh_host_ed25519_key
    AllowUsers skysail
    PermitRootLogin no
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    AllowAgentForwarding no
    X11Forwarding no
  EOT

  host_keys = [for k in var.ssh_host_keys : {
    private = "${trimspace(k.private_key)}\n"
    public  = "${trimspace(k.public_key)}\n"
  }]

  # bootcmd and not only ssh_keys: see "The pinned host key" in README.md.
  user_data = [for k in local.host_keys : "#cloud-config\n${jsonencode(merge(local.cloud_config, {
    bootcmd = concat(
      [join("", [
        "host_key='${trimspace(k.private)}'\n",
        "host_key_public='${replace(trimspace(k.public), "'", "'\\''")}'\n",
        "sshd_config='${local.sshd_config}'\n",
        file("${path.module}/files/pin-host-key.sh"),
      ])],
      local.ttl,
    )
    ssh_keys = { ed25519_private = k.private, ed25519_public = k.public }
  }))}\n"]

  ttl = [for s in var.ttl_seconds == null ? [] : [var.ttl_seconds] :
    "ttl_seconds='${s}'\n${file("${path.module}/files/ttl.sh")}"
  ]

  cloud_config = {
    # pin-host-key.sh has removed the image's keys by now. Deleting again here
    # would leave a moment without any, in which sshd can not start.
    ssh_deletekeys = false
    ssh_pwauth     = false
    disable_root   = true

    users = [{
      name   = "skysail"
      gecos  = "skysail service"
      shell  = "/bin/dash"
      groups = ["systemd-journal"]
      # "*" is no password at all. A locked one, "!", makes sshd without PAM
      # refuse keys as well.
      lock_passwd         = false
      passwd              = "*"
      ssh_authorized_keys = [var.ssh_public_key]
      sudo                = "ALL=(root) NOPASSWD: /opt/skysail/secrets \"\", /opt/skysail/rotate-host-key \"\", /usr/bin/systemctl restart ${local.unit}"
    }]

    write_files = [for f in concat(local.files, local.data_files) : {
      path        = f[0]
      permissions = f[1]
      content     = f[2]
    }]

    runcmd = [["/opt/skysail/install.sh"]]
  }

  files = [
    ["/etc/ssh/sshd_config.d/10-skysail.conf", "0600", local.sshd_config],
    ["/etc/skysail/install.env", "0600", local.install_env],
    ["/etc/skysail/service.env", "0600", local.service_env],
    ["/etc/skysail/metadata-guard.nft", "0644", file("${path.module}/files/metadata-guard.nft")],
    ["/etc/systemd/system/skysail-metadata-guard.service", "0644", local.guard_unit],
    ["/etc/systemd/system/skysail.slice", "0644", local.slice],
    ["/etc/systemd/system/${local.unit}", "0644", local.unit_file],
    ["/opt/skysail/install.sh", "0755", file("${path.module}/files/install.sh")],
    ["/opt/skysail/secrets", "0755", file("${path.module}/files/secrets.sh")],
    ["/opt/skysail/rotate-host-key", "0755", file("${path.module}/files/rotate-host-key.sh")],
  ]

  data_files = [for f in [
    ["/etc/systemd/system/skysail-data-disk.service", "0644", local.data_unit],
    ["/opt/skysail/data-disk", "0755", file("${path.module}/files/data-disk.sh")],
  ] : f if var.data_disk != null]
}
