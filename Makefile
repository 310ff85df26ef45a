PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
NTCLI = target/release/ntcli
# The same program with the names of its functions, for `make bench`.
SYMBOLS = target/symbols

# Two builds in two folders are the same program: no folder is named in it. A folder with a blank in
# its name cannot be put this way.
FOLDERS = $(CURDIR) $(or $(CARGO_HOME),$(HOME)/.cargo)
REMAP = $(if $(word 3,$(FOLDERS)),,$(foreach dir,$(FOLDERS),--remap-path-prefix=$(dir)=.))
RELEASE = RUSTFLAGS="$(strip $$RUSTFLAGS $(REMAP))" $(CARGO)

MAN = share/man/man1/ntcli.1
BASH = share/bash-completion/completions/ntcli
ZSH = share/zsh/site-functions/_ntcli
FISH = share/fish/vendor_completions.d/ntcli.fish
INSTALLED = bin/ntcli $(MAN) $(BASH) $(ZSH) $(FISH)

.PHONY: build test fuzz lint fmt demo control-plane bench install uninstall deb vendor dist test-dist clean

build:
	$(RELEASE) build --release --locked

# Format, lints, documentation, unit tests, integration tests.
test: lint
	$(CARGO) test --locked

# Inputs by chance, each kind for that long; a seed is printed with what fails.
SECS = 60
fuzz:
	NTCLI_FUZZ_SECS=$(SECS) $(CARGO) test --locked --lib fuzz

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items --quiet

# Every pair of troubles in the simulation of the transaction, not a sample.
simulate:
	NTCLI_SIMULATE=1 $(CARGO) test --release --locked --lib rotation -- --nocapture

fmt:
	$(CARGO) fmt

# A new user's way, against a control plane of its own on loopback.
demo: build
	$(CARGO) run --quiet --locked --example control-plane -- --demo $(NTCLI)

# What a refresh costs, beside curl.
bench: build
	CARGO_PROFILE_RELEASE_STRIP=none $(RELEASE) build --release --locked --target-dir $(SYMBOLS)
	$(RELEASE) run --quiet --release --locked --example control-plane -- \
		--bench $(NTCLI) $(SYMBOLS)/release/ntcli

# Leaves a control plane running to play with; prints the lines to paste.
control-plane:
	$(CARGO) run --quiet --locked --example control-plane

# Whoever installs need not be able to build: what `make build` made is taken.
install:
	test -x $(NTCLI) || $(MAKE) build
	install -d $(foreach file,$(INSTALLED),$(DESTDIR)$(PREFIX)/$(dir $(file)))
	install -m 755 $(NTCLI) $(DESTDIR)$(PREFIX)/bin/ntcli
	umask 022 && cd $(DESTDIR)$(PREFIX) && ./bin/ntcli man > $(MAN) && \
	./bin/ntcli completions bash > $(BASH) && \
	./bin/ntcli completions zsh > $(ZSH) && \
	./bin/ntcli completions fish > $(FISH)

uninstall:
	rm -f $(foreach file,$(INSTALLED),$(DESTDIR)$(PREFIX)/$(file))

# The same as a package for Debian and its kin, in dist/.
deb: build
	.ci/deb.sh

# The crates of Cargo.lock, into vendor/.
vendor:
	CARGO="$(CARGO)" .ci/vendor.sh

# An archive of the last commit that builds without a network.
dist: vendor
	.ci/dist.sh

# Builds, installs and tests it without a network.
test-dist: dist
	.ci/test-dist.sh

clean:
	$(CARGO) clean
