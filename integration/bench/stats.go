package main

import "slices"

// figures are what one thing measured in each round.
type figures []float64

// median is the middle one, or the mean of the two in the middle; 0 of none.
func (f figures) median() float64 {
	if len(f) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// over are the ratios to other figures, formed round by round.
func (f figures) over(others figures) figures {
	ratios := make(figures, min(len(f), len(others)))
	for i := range ratios {
		ratios[i] = f[i] / others[i]
	}
	return ratios
}

// each is the figure that of takes from each sample.
func each(samples []sample, of func(sample) float64) figures {
	f := make(figures, len(samples))
	for i, s := range samples {
		f[i] = of(s)
	}
	return f
}
