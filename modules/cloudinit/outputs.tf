output "user_data" {
  description = "One cloud-config document for each instance, in the order of ssh_host_keys."
  value       = local.user_data
  sensitive   = true

  precondition {
    # base64 counts bytes where length counts characters.
    condition     = alltrue([for d in local.user_data : length(base64encode(d)) * 3 / 4 <= 65536])
    error_message = "The boot configuration is larger than the 64 KiB that providers accept; make service.env or service.source.native.args smaller."
  }

  precondition {
    condition     = local.native != null || length(local.engine_names) == 0
    error_message = "These variables would change how the container engine itself runs, so a container can not be given them: ${join(", ", local.engine_names)}. Set them in the image."
  }

  precondition {
    condition     = var.data_disk == null || length(var.data_devices) > 0
    error_message = "data_disk needs data_devices: where the provider shows the disk."
  }
}
