package plugin

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

func awsSizes() ([]api.Size, error) {
	zones := map[string][]string{"us-east-1": {"us-east-1a", "us-east-1b"}}
	return []api.Size{
		{Name: "t3.micro", VCPU: 2, MemoryMB: 1024, PriceUSD: 0.0104, SpotUSD: 0.0031, Arch: "amd64", Regions: []string{"us-east-1"}, Zones: zones},
		{Name: "m7i.large", VCPU: 2, MemoryMB: 8192, PriceUSD: 0.1008, SpotUSD: 0.04, Arch: "amd64", Regions: []string{"us-east-1"}, Zones: zones},
	}, nil
}

// awsConfig has all that the module for AWS has.
const awsConfig = `
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.59.0"
    }
  }
}

provider "aws" {
  region      = "us-east-1"
  max_retries = 2
}

locals {
  tags = { skysail = "true", skysail-deployment = "d4k2m9x7qpb1", color = "TAG" }
}

data "aws_ssm_parameter" "image" {
  name = "IMAGE"
}

resource "aws_key_pair" "client" {
  key_name   = "skysail-d4k2m9x7qpb1"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUvuHJ0eQyX0sPrOLAoZU4J4m6NkhR+Kq6vWkAxnZ6B test"
  tags       = local.tags
}

resource "aws_security_group" "service" {
  name        = "skysail-d4k2m9x7qpb1"
  description = "skysail deployment d4k2m9x7qpb1"
  tags        = merge(local.tags, { Name = "skysail-d4k2m9x7qpb1" })
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.service.id
  description       = "ssh"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = "203.0.113.0/24"
  tags              = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "service" {
  security_group_id = aws_security_group.service.id
  ip_protocol       = "tcp"
  from_port         = PORT
  to_port           = PORT
  cidr_ipv6         = "::/0"
}

resource "aws_vpc_security_group_egress_rule" "outbound" {
  security_group_id = aws_security_group.service.id
  description       = "all"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_instance" "instance" {
  count = COUNT

  ami               = data.aws_ssm_parameter.image.insecure_value
  instance_type     = "TYPE"
  availability_zone = "us-east-1b"

  key_name               = aws_key_pair.client.key_name
  vpc_security_group_ids = [aws_security_group.service.id]
  user_data_base64       = base64gzip("#cloud-config\nUSERDATA")

  monitoring                           = MONITORED
  instance_initiated_shutdown_behavior = "terminate"

  tags        = merge(local.tags, { Name = "skysail-d4k2m9x7qpb1-${count.index}" })
  volume_tags = merge(local.tags, { Name = "skysail-d4k2m9x7qpb1-${count.index}" })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = HOPS
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = 20
    encrypted             = true
    delete_on_termination = true
  }

  ebs_block_device {
    device_name           = "/dev/sdf"
    volume_type           = "gp3"
    volume_size           = 50
    encrypted             = true
    delete_on_termination = true
  }

  MORE

  depends_on = [
    aws_vpc_security_group_ingress_rule.ssh,
    aws_vpc_security_group_ingress_rule.service,
    aws_vpc_security_group_egress_rule.outbound,
  ]
}
`

const awsSpot = `instance_market_options {
    market_type = "spot"
    spot_options {
      spot_instance_type             = "one-time"
      instance_interruption_behavior = "terminate"
    }
  }`

func awsWith(changes ...string) string {
	return fill(awsConfig, []string{
		"IMAGE", "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id", "PORT", "8080", "TYPE", "m7i.large",
		"TAG", "blue", "USERDATA", "{}", "COUNT", "1", "MONITORED", "true", "HOPS", "1", "MORE", "",
	}, changes)
}

func TestAWSLifeCycle(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	w := c.workspace(t, awsWith())
	w.Apply()
	w.WantNoChanges()

	server := c.server(t, world.AWS)
	i := w.Resource("aws_instance.instance[0]").AttributeValues
	for name, want := range map[string]any{
		"id": server.ID, "public_ip": server.Address, "instance_state": "running", "availability_zone": "us-east-1b",
		"associate_public_ip_address": true, "key_name": "skysail-d4k2m9x7qpb1", "instance_initiated_shutdown_behavior": "terminate",
		"monitoring": true, "arn": "arn:aws:ec2:us-east-1:123456789012:instance/" + server.ID,
	} {
		if i[name] != want {
			t.Errorf("%s = %v, want %v", name, i[name], want)
		}
	}
	if server.UserData != "#cloud-config\n{}" || !server.HasTag("skysail-deployment:d4k2m9x7qpb1") || server.Zone != "us-east-1b" {
		t.Errorf("the cloud has %+v", server)
	}
	root := i["root_block_device"].([]any)[0].(map[string]any)
	if root["device_name"] != "/dev/sda1" || root["iops"] != json.Number("3000") || !strings.HasPrefix(root["volume_id"].(string), "vol-") {
		t.Errorf("root %v", root)
	}
	if disks := c.State().Disks; len(disks) != 2 || disks[1].SizeGB != 50 || disks[0].Name != "skysail-d4k2m9x7qpb1-0" {
		t.Errorf("disks %+v", disks)
	}
	if diff := cmp.Diff(map[int]string{22: "203.0.113.0/24", 8080: "::/0"}, c.openings(server)); diff != "" {
		t.Errorf("the firewall lets in (-want +got):\n%s", diff)
	}

	// In place: tags, a rule's port, monitoring and the metadata options.
	w.Write(awsWith("PORT", "9090", "TAG", "green", "MONITORED", "false", "HOPS", "2"))
	if out, _ := w.Plan(); !strings.Contains(out, "0 to add, 5 to change, 0 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Apply()
	w.WantNoChanges()
	if s := c.server(t, world.AWS); s.ID != server.ID || !s.HasTag("color:green") || s.HasTag("color:blue") {
		t.Errorf("after the change: %+v", s)
	}
	if d := c.State().Disks[0]; !strings.Contains(strings.Join(d.Tags, " "), "color:green") {
		t.Errorf("the volume's tags are %v", d.Tags)
	}
	if diff := cmp.Diff(map[int]string{22: "203.0.113.0/24", 9090: "::/0"}, c.openings(server)); diff != "" {
		t.Errorf("the firewall lets in (-want +got):\n%s", diff)
	}

	// In place with a stop and a start: type and user data.
	w.Write(awsWith("PORT", "9090", "TAG", "green", "MONITORED", "false", "HOPS", "2", "TYPE", "t3.micro", "USERDATA", "packages: []"))
	w.Apply()
	w.WantNoChanges()
	if s := c.server(t, world.AWS); s.ID != server.ID || s.Size != "t3.micro" || s.UserData != "#cloud-config\npackages: []" {
		t.Errorf("after the restart: %+v", s)
	}

	// Replaced: the disk.
	w.Write(strings.ReplaceAll(awsWith("PORT", "9090", "TAG", "green"), "= 50", "= 60"))
	if out, _ := w.Plan(); !strings.Contains(out, "forces replacement") || !strings.Contains(out, "1 to add, 0 to change, 1 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Apply()
	w.WantNoChanges()

	// Drift: somebody deleted the instance, the key and a rule.
	if err := c.Update(func(st *world.State) error {
		st.RemoveServer(world.AWS, c.State().ServersOf(world.AWS)[0].ID)
		st.RemoveKey(world.AWS, c.State().KeysOf(world.AWS)[0].ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if out, _ := w.Plan(); !strings.Contains(out, "2 to add, 0 to change, 0 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Destroy()
	c.wantEmpty(t)
}

// openings are who may reach which port of a server.
func (c *cloud) openings(s *world.Server) map[int]string {
	out := map[int]string{}
	for _, o := range c.State().Inbound(s) {
		out[o.From] = strings.Join(o.Sources, " ")
	}
	return out
}

func TestAWSSeveralSpotInstances(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	w := c.workspace(t, awsWith("COUNT", "3", "TYPE", "t3.micro", "MORE", awsSpot+"\n credit_specification {\n cpu_credits = \"standard\"\n }"))
	w.Apply()
	w.WantNoChanges()
	servers := c.State().ServersOf(world.AWS)
	if len(servers) != 3 || !servers[0].Spot {
		t.Fatalf("servers %+v", servers)
	}
	if i := w.Resource("aws_instance.instance[2]").AttributeValues; i["instance_lifecycle"] != "spot" || i["spot_instance_request_id"] == "" {
		t.Errorf("instance %v", i)
	}
	w.Destroy()
	c.wantEmpty(t)
}

// TestAWSPlainInstance has none of the blocks: the API fills them in, and a
// second plan has no difference all the same.
func TestAWSPlainInstance(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	w := c.workspace(t, `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
data "aws_ssm_parameter" "image" {
  name = "/aws/service/debian/release/13/latest/amd64"
}
resource "aws_security_group" "this" {
  name = "plain"
}
resource "aws_instance" "this" {
  ami                         = data.aws_ssm_parameter.image.value
  instance_type               = "t3.micro"
  associate_public_ip_address = true
  vpc_security_group_ids      = [aws_security_group.this.id]
  user_data                   = "#!/bin/sh\n"
  ebs_block_device {
    device_name = "/dev/sdf"
    volume_size = 9
    tags        = { Name = "data" }
  }
}
output "volume" {
  value = aws_instance.this.root_block_device[0].volume_id
}
`)
	w.Apply()
	w.WantNoChanges()
	i := w.Resource("aws_instance.this").AttributeValues
	if i["user_data"] != "#!/bin/sh\n" || len(i["metadata_options"].([]any)) != 1 || len(i["credit_specification"].([]any)) != 1 {
		t.Errorf("instance %v", i)
	}
	if d := c.State().Disks; len(d) != 2 || d[0].Name+d[1].Name != "data" {
		t.Errorf("disks %+v", d)
	}
	w.Destroy()
	c.wantEmpty(t)
}
