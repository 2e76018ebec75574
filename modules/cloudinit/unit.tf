locals {
  native = var.service.source.native

  # As docker reads a short image name; podman would have to ask which
  # registry is meant.
  reference      = try(var.service.source.container.image, "")
  reference_head = split("/", local.reference)[0]
  has_registry   = strcontains(local.reference, "/") && (can(regex("[.:]", local.reference_head)) || local.reference_head == "localhost")
  image = (
    local.reference == "" || local.has_registry ? local.reference :
    strcontains(local.reference, "/") ? "docker.io/${local.reference}" : "docker.io/library/${local.reference}"
  )

  # A word of an ExecStart line. Replaced one after the other: the backslash
  # first, or the later ones would have theirs doubled.
  native_words = local.native == null ? [] : [for a in concat(["/opt/skysail/app/${local.native.binary}"], local.native.args) :
    "\"${replace(replace(replace(replace(a, "\\", "\\\\"), "\"", "\\\""), "%", "%%"), "$", "$$")}\""
  ]

  container = "skysail-${var.name}"
  env_names = distinct(concat(keys(var.service.env), var.service.secrets))
  # podman would obey these itself.
  engine_names = [for n in local.env_names : n
  if can(regex("^(PATH|LD_[A-Z_]+|CONTAINER_(HOST|CONNECTION|SSHKEY)|CONTAINERS_[A-Z_]+|STORAGE_[A-Z_]+|REGISTRY_AUTH_FILE|XDG_(RUNTIME_DIR|CONFIG_HOME|DATA_HOME)|NOTIFY_SOCKET|LISTEN_[A-Z]+)$", n))]

  # Values reach the container through podman's own environment, so that they
  # are quoted once, for systemd, and never stand in a command line.
  container_env = flatten([for n in local.env_names : ["--env", n]])
  # The firewall guards ports that are not public; so does the loopback.
  container_ports   = flatten([for p in var.service.ports : ["--publish", "${p.public ? "" : "127.0.0.1:"}${p.number}:${p.number}"]])
  container_devices = { nvidia = ["--device", "nvidia.com/gpu=all"], amd = ["--device", "/dev/kfd", "--device", "/dev/dri"] }
  container_words = concat(
    ["/usr/bin/podman", "run", "--rm", "--name", local.container, "--pull", "missing", "--log-driver", "none"],
    local.container_ports, local.container_env, lookup(local.container_devices, var.accelerator, []),
    [local.image],
  )

  needs_secrets = length(var.service.secrets) > 0
  low_ports     = anytrue([for p in var.service.ports : p.number < 1024])

  unit_head = concat(
    [
      "[Unit]",
      "Description=skysail service ${var.name}",
      "Wants=network-online.target",
      "After=network-online.target",
      "StartLimitIntervalSec=0",
    ],
    local.needs_secrets ? ["ConditionPathExists=/etc/skysail/secrets.env"] : [],
  )

  unit_service = concat(
    [
      "",
      "[Service]",
      "Restart=always",
      "RestartSec=1",
      "TimeoutStopSec=30",
      "LimitNOFILE=65536",
      "EnvironmentFile=/etc/skysail/service.env",
    ],
    local.needs_secrets ? ["EnvironmentFile=/etc/skysail/secrets.env"] : [],
  )

  unit_native = concat(
    [
      "Type=exec",
      "User=skysail",
      "WorkingDirectory=/opt/skysail/app",
      "StateDirectory=skysail-${var.name}",
      "Environment=HOME=/var/lib/skysail-${var.name}",
      "ExecStart=${join(" ", local.native_words)}",
      "CapabilityBoundingSet=${local.low_ports ? "CAP_NET_BIND_SERVICE" : ""}",
      "AmbientCapabilities=${local.low_ports ? "CAP_NET_BIND_SERVICE" : ""}",
      "NoNewPrivileges=yes",
      "ProtectSystem=strict",
      "ProtectHome=yes",
      "ProtectProc=invisible",
      "ProtectClock=${var.accelerator == "" ? "yes" : "no"}",
      "ProtectHostname=yes",
      "ProtectControlGroups=yes",
      "ProtectKernelLogs=yes",
      "ProtectKernelModules=yes",
      "ProtectKernelTunables=yes",
      "PrivateTmp=yes",
      # A GPU is a device.
      "PrivateDevices=${var.accelerator == "" ? "yes" : "no"}",
      "LockPersonality=yes",
      "RestrictRealtime=yes",
      "RestrictSUIDSGID=yes",
      "RestrictNamespaces=yes",
      "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
      "SystemCallArchitectures=native",
      "SystemCallFilter=@system-service",
      "SystemCallErrorNumber=EPERM",
      "UMask=0027",
    ],
    var.accelerator == "amd" ? ["SupplementaryGroups=video render"] : [],
  )

  # podman needs root to set the container up; the container is the fence.
  unit_container = [
    "Type=exec",
    "KillMode=mixed",
    "ExecStartPre=-/usr/bin/podman rm --force ${local.container}",
    "ExecStart=${join(" ", local.container_words)}",
    "ExecStopPost=-/usr/bin/podman rm --force ${local.container}",
  ]

  unit_file = join("\n", concat(
    local.unit_head,
    local.unit_service,
    local.native != null ? local.unit_native : local.unit_container,
    ["", "[Install]", "WantedBy=multi-user.target", ""],
  ))
}
