package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGuardsAreInTheTree catches a guard that was edited or moved, at the
// price of reading files; make attack-prove does the proof.
func TestGuardsAreInTheTree(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, g := range guards {
		_, err := g.disable(filepath.Join("..", ".."))
		require.NoError(t, err)
		require.False(t, names[g.name], "two guards are called %q", g.name)
		names[g.name] = true
	}
}

func TestProve(t *testing.T) {
	t.Parallel()
	p := prover{dir: vaultModule(t), parallel: 2, timeout: time.Minute}
	door := guard{
		name: "owner", file: "vault/vault.go", pkg: "./vault",
		statement: "owner != who", disabled: "false && owner != who",
		tests: []string{"TestAttackOwner"},
	}
	with := func(change func(*guard)) guard {
		g := door
		change(&g)
		return g
	}
	for _, c := range []struct {
		guard guard
		want  string // the error, "" for proven
	}{
		{door, ""},
		{with(func(g *guard) { g.disabled = "owner  != who" }), "TestAttackOwner passes without it"},
		{with(func(g *guard) { g.tests = []string{"TestAttackOwner", "TestAttackNothing"} }), "TestAttackNothing passes without it"},
		{with(func(g *guard) { g.statement = "owner == who" }), "has its statement 0 times, want once"},
		{with(func(g *guard) { g.statement = "return" }), "has its statement 2 times, want once"},
		{with(func(g *guard) { g.disabled = "owner !=" }), "does the replacement compile?"},
		{with(func(g *guard) { g.disabled = "panic(who)" }), "does the replacement compile?"},
		{with(func(g *guard) { g.disabled = "owner[len(who):] != who" }), "the tests panic or hang"},
		{with(func(g *guard) { g.tests = []string{"TestAttackMissing"} }), "TestAttackMissing does not pass with the guard in place"},
		{with(func(g *guard) { g.tests = []string{"TestAttackRed"} }), "TestAttackRed does not pass with the guard in place"},
		{with(func(g *guard) { g.tests = []string{"TestAttackSkipped"} }), "TestAttackSkipped does not pass with the guard in place"},
		{with(func(g *guard) { g.tests = []string{"TestOwner"} }), "TestOwner is not named like an attack"},
		{with(func(g *guard) { g.tests = nil }), "a member is empty"},
		{with(func(g *guard) { g.disabled = g.statement }), "nothing is disabled"},
		{with(func(g *guard) { g.file = "vault/vault_test.go" }), "is a test"},
		{with(func(g *guard) { g.file = "vault/door.go" }), "no such file"},
	} {
		verdicts := p.prove(t.Context(), []guard{c.guard})
		require.Len(t, verdicts, 1)
		if c.want == "" {
			require.NoError(t, verdicts[0].err, verdicts[0].output)
			require.Contains(t, verdicts[0].String(), "proven      vault/vault.go")
			continue
		}
		require.ErrorContains(t, verdicts[0].err, c.want)
		require.Contains(t, verdicts[0].String(), "NOT PROVEN")
	}
}

func TestRunRefusesAnEmptyChoice(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.ErrorContains(t, run(t.Context(), []string{"-run", "no guard is called so"}, &out), "no guard matches")
	require.ErrorContains(t, run(t.Context(), []string{"-run", "("}, &out), "missing closing )")
	require.Empty(t, out.String())
}

// vaultModule is a module with one guard and tests of all kinds.
func vaultModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/vault\n\ngo 1.26.0\n",
		"vault/vault.go": `package vault

func Open(owner, who string) bool {
	if owner != who {
		return false
	}
	return true
}
`,
		"vault/vault_test.go": `package vault

import "testing"

func TestOwner(t *testing.T) {}

func TestAttackOwner(t *testing.T) {
	if Open("a", "bb") {
		t.Error("open to a stranger")
	}
}

func TestAttackNothing(t *testing.T) {}

func TestAttackRed(t *testing.T) { t.Error("red") }

func TestAttackSkipped(t *testing.T) { t.Skip() }
`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}
