package plugin

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/internal/tfplugin"
)

// planTags plans tags_all, which is what tags are: default_tags are not
// served.
func planTags(p *tfplugin.Plan) error {
	if !p.IsKnown("tags") {
		p.SetUnknown("tags_all")
		return nil
	}
	p.Set("tags_all", p.StringMap("tags"))
	return nil
}

func awsTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		v := tags[k]
		out = append(out, types.Tag{Key: &k, Value: &v})
	}
	return out
}

// tagSpecification is the tags of what a request makes.
func tagSpecification(kind types.ResourceType, tags map[string]string) []types.TagSpecification {
	if len(tags) == 0 {
		return nil
	}
	return []types.TagSpecification{{ResourceType: kind, Tags: awsTags(tags)}}
}

// tagMap are tags without those that AWS itself sets.
func tagMap(tags []types.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		if t.Key != nil && t.Value != nil && !strings.HasPrefix(*t.Key, "aws:") {
			out[*t.Key] = *t.Value
		}
	}
	return out
}

func setTags(d *tfplugin.Data, tags []types.Tag) {
	d.Set("tags", tagMap(tags))
	d.Set("tags_all", tagMap(tags))
}

// changeTags makes a thing's tags those of the plan.
func changeTags(ctx context.Context, client *awsCloud, d *tfplugin.Data, id string) error {
	if !d.Changed("tags") {
		return nil
	}
	return retagAWS(ctx, client, id, d.Prior.StringMap("tags"), d.StringMap("tags"))
}

func retagAWS(ctx context.Context, client *awsCloud, id string, before, after map[string]string) error {
	gone := map[string]string{}
	for k, v := range before {
		if _, ok := after[k]; !ok {
			gone[k] = v
		}
	}
	if len(gone) > 0 {
		if _, err := client.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: awsTags(gone)}); err != nil {
			return worded(err, "removing tags of %s", id)
		}
	}
	if len(after) > 0 && !maps.Equal(before, after) {
		if _, err := client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: awsTags(after)}); err != nil {
			return worded(err, "adding tags of %s", id)
		}
	}
	return nil
}
