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
  # podman or docker would obey these itself.
  engine_names = [for n in local.env_names : n
  if can(regex("^(PATH|LD_[A-Z_]+|CONTAINER_(HOST|CONNECTION|SSHKEY)|CONTAINERS_[A-Z_]+|DOCKER_[A-Z_]+|STORAGE_[A-Z_]+|REGISTRY_AUTH_FILE|XDG_(RUNTIME_DIR|CONFIG_HOME|DATA_HOME)|NOTIFY_SOCKET|LISTEN_[A-Z]+)$", n))]

  # Values reach the container through podman's own environment, so that they
  # are quoted once, for systemd, and never stand in a command line.
  container_env = flatten([for n in local.env_names : ["--env", n]])
  # The firewall guards ports that are not public; so does the loopback.
  container_ports = flatten([for p in var.service.ports : ["--publish", "${p.public ? "" : "127.0.0.1:"}${p.number}:${p.number}"]])
  container_devices = {
    nvidia = var.engine == "docker" ? ["--gpus", "all"] : ["--device", "nvidia.com/gpu=all"]
    amd    = ["--device", "/dev/kfd", "--device", "/dev/dri"]
  }
  container_disk = var.data_disk == null ? [] : ["--volume", "${local.data_folder}:${var.data_disk.path}"]
  # So that the unit's and the slice's limits hold for what is in the
  # container: podman puts it below the unit, docker's daemon into the slice.
  # Limits of the engine's own would be lower than those.
  container_limits = concat(
    ["--pids-limit", "-1", "--ulimit", "nofile=65536:65536"],
    var.engine == "docker" ? ["--cgroup-parent", "skysail.slice"] : ["--cgroups", "split"],
  )
  container_words = concat(
    ["/usr/bin/${var.engine}", "run", "--rm", "--name", local.container, "--pull", "missing", "--log-driver", "none"],
    local.container_limits, local.container_ports, local.container_env, local.container_disk,
    lookup(local.container_devices, var.accelerator, []),
    [local.image],
  )

  data_folder = "/var/lib/skysail/disk/data"

  needs_secrets = length(var.service.secrets) > 0
  low_ports     = anytrue([for p in var.service.ports : p.number < 1024])

  # Without these the service does not start: better down than in reach of
  # the metadata service, or writing to the boot disk.
  needed_units = join(" ", concat(
    ["skysail-metadata-guard.service"],
    var.data_disk == null ? [] : ["skysail-data-disk.service"],
    local.native == null && var.engine == "docker" ? ["docker.service"] : [],
  ))

  unit_head = concat(
    [
      "[Unit]",
      "Description=skysail service ${var.name}",
      "Wants=network-online.target",
      "Requires=${local.needed_units}",
      "After=network-online.target ${local.needed_units}",
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
      "Slice=skysail.slice",
      "LimitNOFILE=65536",
      # The slice's; the default is 15 %.
      "TasksMax=80%",
      # One process killed for memory takes the others along, and Restart=
      # brings them back together.
      "OOMPolicy=stop",
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
    var.data_disk == null ? [] : ["BindPaths=${local.data_folder}:${var.data_disk.path}"],
  )

  # The engine needs root to set the container up; the container is the fence.
  unit_container = concat(
    [
      "Type=exec",
      "KillMode=mixed",
    ],
    # podman makes groups of its own below the unit's.
    var.engine == "podman" ? ["Delegate=yes"] : [],
    [
      "ExecStartPre=-/usr/bin/${var.engine} rm --force ${local.container}",
      "ExecStart=${join(" ", local.container_words)}",
      "ExecStopPost=-/usr/bin/${var.engine} rm --force ${local.container}",
    ],
  )

  unit_file = join("\n", concat(
    local.unit_head,
    local.unit_service,
    local.native != null ? local.unit_native : local.unit_container,
    ["", "[Install]", "WantedBy=multi-user.target", ""],
  ))

  # Shares of the machine and not what the service asked for: the instance may
  # be larger, and all of it is paid for. What is left is for sshd, the journal
  # and whoever looks after the machine.
  slice = join("\n", [
    "[Unit]",
    "Description=what skysail runs on this machine",
    "",
    "[Slice]",
    "MemoryMax=90%",
    "TasksMax=80%",
    "",
  ])

  guard_unit = join("\n", [
    "[Unit]",
    "Description=keeps the skysail service from the metadata service",
    "Before=${local.unit}",
    # That one drops all rules when it starts, stops or reloads.
    "After=nftables.service",
    "PartOf=nftables.service",
    "ReloadPropagatedFrom=nftables.service",
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    "ExecStart=/usr/sbin/nft -f /etc/skysail/metadata-guard.nft",
    "ExecReload=/usr/sbin/nft -f /etc/skysail/metadata-guard.nft",
    "",
  ])

  data_unit = join("\n", [
    "[Unit]",
    "Description=data disk of the skysail service",
    "Before=${local.unit}",
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    "TimeoutStartSec=600",
    "ExecStart=/opt/skysail/data-disk",
    "",
  ])
}
