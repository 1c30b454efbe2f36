-- wrk's side of the request: everything comes in by the environment, one JSON line goes out.
local requests, turn = {}, 0

local function lines(name)
  return os.getenv(name):gmatch("[^\n]+")
end

function init()
  local headers = {
    ["Host"] = wrk.headers["Host"],
    ["Authorization"] = os.getenv("BENCH_AUTHORIZATION"),
    ["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE"),
    ["Accept"] = os.getenv("BENCH_ACCEPT"),
  }
  for body in lines("BENCH_BODIES") do
    for path in lines("BENCH_PATHS") do
      requests[#requests + 1] = wrk.format("PATCH", path, headers, body)
    end
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
