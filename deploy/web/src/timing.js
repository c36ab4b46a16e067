/** Latency as the toolkit measures it: a warm-up, then runs of all candidates in turns; median and 90th percentile. */

/** `[{median, p90, runs, warmup}]` in milliseconds, a call each. */
export async function timed(calls, runs, warmup, progress) {
  for (const call of calls) {
    for (let turn = 0; turn < warmup; turn++) await call();
  }
  const times = calls.map(() => []);
  for (let turn = 0; turn < runs; turn++) {
    for (const [i, call] of calls.entries()) {
      const started = performance.now();
      await call();
      times[i].push(performance.now() - started);
    }
    progress(turn + 1);
  }
  return times.map((ms) => ({ median: quantile(ms, 0.5), p90: quantile(ms, 0.9), runs, warmup }));
}

/** Linear between the nearest values, as NumPy's default; rounded to 1e-4. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return Number((sorted[low] + (sorted[high] - sorted[low]) * (place - low)).toFixed(4));
}
