package lua

import "testing"

func TestKeyNames(t *testing.T) {
	one := NewKeys("page", "lax_instance_aware_counter", 0, 1)
	many := NewKeys("page", "lax_instance_aware_counter", 2, 3)
	for _, c := range []struct{ got, want string }{
		{NewKeys("page", "lax_counter", 0, 1).Totals(), "page:lax_counter"},
		{one.Cumulative(), "page:lax_instance_aware_counter:cumulative"},
		{one.Slices("i1"), "page:lax_instance_aware_counter:count:i1"},
		{one.Instances(), "page:lax_instance_aware_counter:instances"},
		{one.InUse(), "page:lax_instance_aware_counter:keys"},
		{one.Epochs(), "page:lax_instance_aware_counter:epoch"},
		{one.Record("i1", "r1"), "page:lax_instance_aware_counter:flush:i1:r1"},
		{one.Buried("i1"), "page:lax_instance_aware_counter:buried:i1"},
		{many.Cumulative(), "{page:lax_instance_aware_counter:2}:cumulative"},
		{many.Totals(), "{page:lax_instance_aware_counter:2}"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
