package qos

import (
	"context"
	"strings"
	"time"

	"skysail/qos/logtail"
	"skysail/qos/sshclient"
)

// SourceLogs takes in log lines for good, and the metrics that the service's
// rules make of them.
const SourceLogs = "logs"

type logSource struct {
	reader *logtail.Reader
	pool   *sshclient.Pool
}

func (logSource) Name() string { return SourceLogs }

func (logSource) Applies(t Target) bool {
	return t.SSH != nil && (strings.HasPrefix(t.Logs, "journald:") || t.LogRules != nil)
}

func (s logSource) Read(ctx context.Context, t Target) (Reading, error) {
	unit, _ := strings.CutPrefix(t.Logs, "journald:")
	res, err := s.reader.Read(ctx, logtail.Target{
		DeploymentID: t.DeploymentID, Instance: t.Instance, Unit: unit, Logs: t.LogRules,
		Run: func(ctx context.Context, cmd string) ([]byte, error) {
			if s.pool != nil {
				return s.pool.Run(ctx, t.ssh(), cmd, nil)
			}
			return sshclient.Run(ctx, t.ssh(), cmd, nil)
		},
	})
	if err != nil {
		return Reading{}, err
	}
	return Reading{Metrics: res.Metrics, Notes: res.Notes, ObservedAt: time.Now()}, nil
}
