package fileanalytics

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// The folder of a store. All names in it are built and parsed here.
//
//	lock
//	journal/<number>.log            number in 16 hexadecimal digits
//	tenants/t-<tenant>/state
//	tenants/t-<tenant>/<day>.seg    day as YYYY-MM-DD
//
// The prefix keeps tenant ids that are reserved names elsewhere, such as "con"
// or "nul", from being names of their own.
const (
	lockName       = "lock"
	journalDirName = "journal"
	tenantsDirName = "tenants"
	tenantPrefix   = "t-"
	stateName      = "state"
	newStateName   = "state.new"
	journalSuffix  = ".log"
	segmentSuffix  = ".seg"
)

type layout struct{ root string }

func (l layout) lock() string       { return filepath.Join(l.root, lockName) }
func (l layout) journalDir() string { return filepath.Join(l.root, journalDirName) }
func (l layout) tenantsDir() string { return filepath.Join(l.root, tenantsDirName) }

func (l layout) journal(number uint64) string {
	return filepath.Join(l.journalDir(), journalName(number))
}

func (l layout) tenantDir(id tenant.ID) string {
	return filepath.Join(l.tenantsDir(), tenantDirName(id))
}

func (l layout) segment(id tenant.ID, d day) string {
	return filepath.Join(l.tenantDir(id), segmentName(d))
}

func (l layout) state(id tenant.ID) string    { return filepath.Join(l.tenantDir(id), stateName) }
func (l layout) newState(id tenant.ID) string { return filepath.Join(l.tenantDir(id), newStateName) }

// relative returns a name as errors and logs show it.
func (l layout) relative(name string) string {
	if short, err := filepath.Rel(l.root, name); err == nil {
		return filepath.ToSlash(short)
	}
	return name
}

func journalName(number uint64) string { return fmt.Sprintf("%016x%s", number, journalSuffix) }

func parseJournalName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, journalSuffix)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 16, 64)
	return number, err == nil && journalName(number) == name
}

func tenantDirName(id tenant.ID) string { return tenantPrefix + id.String() }

func parseTenantDirName(name string) (tenant.ID, bool) {
	text, ok := strings.CutPrefix(name, tenantPrefix)
	if !ok {
		return tenant.ID{}, false
	}
	id, err := tenant.ParseID(text)
	return id, err == nil
}

// day is a day in UTC, counted from 1970-01-01.
type day int32

const nanosecondsOfDay = int64(24 * time.Hour)

// dayOf returns the day of a Unix time in nanoseconds, which is not negative.
func dayOf(at int64) day { return day(at / nanosecondsOfDay) }

func (d day) String() string {
	return time.Unix(0, int64(d)*nanosecondsOfDay).UTC().Format(time.DateOnly)
}

func segmentName(d day) string { return d.String() + segmentSuffix }

func parseSegmentName(name string) (day, bool) {
	text, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1970 || t.Year() >= 2200 {
		return 0, false
	}
	d := dayOf(t.UnixNano())
	return d, segmentName(d) == name
}
