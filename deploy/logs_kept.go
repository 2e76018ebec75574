package deploy

import (
	"context"
	"slices"

	"skysail/qos"
	"skysail/store"
)

// KeptLogs hands on the log lines of a deployment that the store keeps, of all
// its instances in order of time, without asking any of them: so also those of
// instances that are gone. q.Follow and q.AfterCursor do not count here.
func (d *Deployer) KeptLogs(ctx context.Context, name string, q qos.LogQuery, emit func(qos.Line) error) error {
	row, err := d.get(ctx, name)
	if err != nil {
		return err
	}
	var newest []qos.Line
	err = d.store.KeptLogs(ctx, row.ID, q.Since, func(l store.LogLine) error {
		line := qos.Line{Time: l.Time, Instance: l.Instance, Message: l.Message, Priority: l.Priority}
		switch {
		case q.Keep != nil && !q.Keep(line):
			return nil
		case q.Last == 0:
			return emit(line)
		}
		if newest = append(newest, line); len(newest) >= 2*q.Last {
			newest = slices.Delete(newest, 0, len(newest)-q.Last)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, line := range newest[max(len(newest)-q.Last, 0):] {
		if err := emit(line); err != nil {
			return err
		}
	}
	return nil
}
