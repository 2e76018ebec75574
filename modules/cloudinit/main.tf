locals {
  unit = "skysail-${var.name}.service"

  # What install.sh needs to know, as shell assignments: the script itself is
  # the same for every service, and no value is ever part of its text.
  install_env = join("", [for k, v in {
    unit        = local.unit
    kind        = local.native != null ? "native" : "container"
    url         = local.native != null ? local.native.url : ""
    sha256      = local.native != null ? local.native.sha256 : ""
    binary      = local.native != null ? local.native.binary : ""
    secrets     = length(var.service.secrets) > 0 ? "yes" : "no"
    accelerator = var.accelerator
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
  user_data = [for k in local.host_keys : "#cloud-config\n${jsonencode(merge(local.cloud_config, local.packages, {
    bootcmd = [join("", [
      "host_key='${trimspace(k.private)}'\n",
      "host_key_public='${replace(trimspace(k.public), "'", "'\\''")}'\n",
      "sshd_config='${local.sshd_config}'\n",
      file("${path.module}/files/pin-host-key.sh"),
    ])]
    ssh_keys = { ed25519_private = k.private, ed25519_public = k.public }
  }))}\n"]

  # cloud-init takes an empty list of packages for a mistake.
  packages = { for k, v in { package_update = true, packages = ["podman"] } : k => v if local.native == null }

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
      sudo                = "ALL=(root) NOPASSWD: /opt/skysail/secrets \"\""
    }]

    write_files = [
      {
        path        = "/etc/ssh/sshd_config.d/10-skysail.conf"
        permissions = "0600"
        content     = local.sshd_config
      },
      {
        path        = "/etc/skysail/install.env"
        permissions = "0600"
        content     = local.install_env
      },
      {
        path        = "/etc/skysail/service.env"
        permissions = "0600"
        content     = local.service_env
      },
      {
        path        = "/etc/systemd/system/${local.unit}"
        permissions = "0644"
        content     = local.unit_file
      },
      {
        path        = "/opt/skysail/install.sh"
        permissions = "0755"
        content     = file("${path.module}/files/install.sh")
      },
      {
        path        = "/opt/skysail/secrets"
        permissions = "0755"
        content     = file("${path.module}/files/secrets.sh")
      },
    ]

    runcmd = [["/opt/skysail/install.sh"]]
  }
}
