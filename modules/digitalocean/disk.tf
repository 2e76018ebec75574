# A volume for each droplet. It is attached to a droplet that is there, and not
# by the droplet's volume_ids: a volume can be on one droplet only, and the new
# droplet of a replacement comes before the old one goes.
resource "digitalocean_volume" "data" {
  count = var.data_disk == null ? 0 : var.instances

  name   = "${local.prefix}-${count.index}"
  region = var.region
  size   = var.data_disk.size_gb
  # The instance makes the file system, as it does at every provider.
  tags = local.tags

  lifecycle {
    precondition {
      condition     = var.data_disk.size_gb <= 16384
      error_message = "A volume of DigitalOcean has at most 16384 GiB."
    }
  }
}

resource "digitalocean_volume_attachment" "data" {
  count = length(digitalocean_volume.data)

  droplet_id = digitalocean_droplet.instance[count.index].id
  volume_id  = digitalocean_volume.data[count.index].id
}
