-- Asks for the paths in the file that ARBKIT_PATHS names, each connection's requests one after the other, in their order.
local paths, at = {}, 0

function init(args)
  for line in io.lines(os.getenv("ARBKIT_PATHS")) do paths[#paths + 1] = line end
end

function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end

function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format(
    "RESULT %d %.6f %.6f %.6f %d\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6, failed))
end
