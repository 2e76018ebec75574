variable "os_id" {
  description = "Vultr's number of the operating system image. 2284 is Ubuntu 24.04 LTS x64."
  type        = number
  default     = 2284
}
