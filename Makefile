# benchfleet: `make demo` does the main job on this machine, `make test` runs the tests. `make help` lists the rest.
SHELL := /bin/bash
PY := .venv/bin/python
UV := $(shell command -v uv || echo $(CURDIR)/.tools/bin/uv)
SOURCES := core/src agent/src controller/src
PYTEST := $(PY) -m pytest -q

.PHONY: help setup demo test test-hosts test-wheels test-engines check format docs protos bench-sampler bench-agent-idle bench-cli-start bench-dispatch bench-native-agreement bench-watch-large bench-demo-time bench-energy bench-telemetry bench-monitor bench-stress bench-arrivals bench-omission bench-dataset-feed bench-peak-memory bench-vendor-tools bench clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

setup: ## .venv with everything, quick when already there
	@scripts/setup

demo: setup ## a whole fleet on this machine: controller, two agents, two simulated boards, real models, comparison, gate, report
	.venv/bin/benchfleet demo

test: setup ## unit, contract, integration tests, on two processors
	$(PYTEST) -n 2 -m "not debian and not wheels and not engines"

test-hosts: setup ## the tests that need a Debian package or root: a real Prometheus scrapes, real disks are full
	scripts/install-prometheus
	$(PYTEST) -m debian

test-wheels: setup ## builds the wheels, installs them into a clean environment, uses only the commands
	UV=$(UV) $(PYTEST) -m wheels

test-engines: setup ## the engines too large for setup (OpenVINO, ExecuTorch with torch), each in an environment of its own
	scripts/setup-engines
	$(PYTEST) -m engines

check: setup ## lint, types, protocol, layers, generated code, documents, rules of the house
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy $(SOURCES)
	.venv/bin/buf lint
	UV=$(UV) scripts/generate-protos --check
	scripts/buf-breaking
	.venv/bin/lint-imports --no-logo
	$(PY) scripts/generate_docs.py --check
	$(PY) scripts/check_docs.py
	$(PYTEST) tests/house

format: setup ## ruff, in place
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: setup ## regenerate docs/reference from the commands and the metric catalogue
	$(PY) scripts/generate_docs.py

protos: setup ## regenerate benchfleet.v1
	UV=$(UV) scripts/generate-protos

BENCHES := $(shell grep -oE '^bench-[a-z-]+' Makefile)

bench: $(BENCHES) ## all benchmarks, one after the other

bench-cli-start: setup ## what lazy imports save at each command
	$(PY) benchmarks/cli_start.py

bench-sampler: setup ## what sensors cost at 10 Hz, opened each time and held open
	$(PY) benchmarks/sampler_cost.py

.PHONY: bench-sensor-cost
bench-sensor-cost: setup ## what a reading costs, driver by driver, on this host and on recorded boards
	$(PY) benchmarks/sensor_cost.py

bench-agent-idle: setup ## memory and CPU of an agent that waits
	$(PY) benchmarks/agent_idle.py

bench-dispatch: setup ## what the fleet adds over one call: from a campaign sent to its run begun
	$(PY) benchmarks/dispatch.py

bench-native-agreement: setup ## the runner against a native loop
	$(PY) benchmarks/native_agreement/compare.py

bench-energy: setup ## energy of a paced load by a sampled sensor and by a counter, against the known truth
	$(PY) benchmarks/energy_truth.py
	$(PY) -m benchmarks.energy_simulated

bench-watch-large: setup ## what a change costs a watcher of 10,000 runs
	$(PY) benchmarks/watch_large.py

bench-telemetry: setup ## live telemetry in columns against labelled rows, bytes and CPU of the controller
	$(PY) benchmarks/telemetry_wire.py

.PHONY: bench-reproducibility bench-coverage
bench-reproducibility: setup ## the same model again and again, quiet and under load: how far its numbers vary
	$(PY) benchmarks/reproducibility.py

bench-coverage: setup ## do the 95 % intervals cover, on made-up and on recorded series?
	$(PY) benchmarks/coverage.py

bench-stress: setup ## a model quiet and under load: is any wrong median without a flag?
	$(PY) benchmarks/stress_matrix.py

bench-dataset-feed: setup ## a data set of 1,000 images through the declared steps, with numpy and without
	$(PY) benchmarks/dataset_feed.py

bench-monitor: setup ## what reading the sensors costs a model, in pairs of rounds
	$(PY) benchmarks/monitor_overhead.py

bench-demo-time: setup ## the demo, wall time
	$(PY) benchmarks/demo_time.py

bench-arrivals: setup ## how late an arrival by a schedule is dispatched
	$(PY) benchmarks/arrival_precision.py

bench-omission: setup ## p99 of a model that stalls, against what users would have met
	$(PY) benchmarks/coordinated_omission.py

bench-peak-memory: setup ## a spike of 200 MiB for 20 ms under an agent of 600 MiB: the peak, ru_maxrss, polling
	$(PY) -m benchmarks.peak_memory.compare

.PHONY: bench-honest-stop bench-campaign-cost bench-loadgen bench-mlperf-directory
bench-honest-stop: setup ## engines that never settle: is a number printed that was not measured enough?
	$(PY) benchmarks/honest_stop.py

bench-campaign-cost: setup ## seconds of a default campaign per model and launch
	$(PY) benchmarks/campaign_cost.py

bench-mlperf-directory: setup ## a directory for MLCommons' submission checker, which is in CHECKER (not on any index)
	$(PY) benchmarks/mlperf_directory.py $(or $(OUT),$(shell mktemp -d)) $(if $(CHECKER),--checker $(CHECKER))

bench-loadgen: setup ## our median and our early-stopping estimate beside MLCommons LoadGen's
	$(PY) benchmarks/loadgen_agreement.py

bench-vendor-tools: setup ## our numbers beside OpenVINO's benchmark_app and LiteRT's benchmark tool, launches alternating
	scripts/setup-engines
	$(PY) benchmarks/vendor_tools.py

clean: ## remove what make made
	rm -rf .venv .tools .engines dist build demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
