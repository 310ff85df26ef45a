PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
# Rust that rustup has installed is found by a shell that has not read its profile yet, too.
export PATH := $(PATH):$(HOME)/.cargo/bin
# Everything is built here, whatever else the environment or a configuration of cargo names.
override export CARGO_TARGET_DIR := $(CURDIR)/target
unexport CARGO_BUILD_TARGET
BUILT = target/release/ntcli
NTCLI = $(BUILT)
# The same program with the names of its functions, for `make bench`.
SYMBOLS = target/symbols

# Builds in different folders give the same program: it contains no folder names. A folder with a
# blank in its name cannot be remapped this way.
FOLDERS = $(CURDIR) $(or $(CARGO_HOME),$(HOME)/.cargo)
REMAP = $(if $(word 3,$(FOLDERS)),,$(foreach dir,$(FOLDERS),--remap-path-prefix=$(dir)=.))
FLAGS = RUSTFLAGS="$(strip $$RUSTFLAGS $(REMAP))"
RELEASE = $(FLAGS) $(CARGO)

PAGES = ntcli ntcli-renew ntcli-policy ntcli-token ntcli-target ntcli-auth ntcli-workspace ntcli-domain ntcli-config ntcli-check ntcli-doctor ntcli-health ntcli-completions ntcli-man
MAN = $(PAGES:%=share/man/man1/%.1)
BASH = share/bash-completion/completions/ntcli
ZSH = share/zsh/site-functions/_ntcli
FISH = share/fish/vendor_completions.d/ntcli.fish
# What systemd reads, in lib/: none of it does anything before an administrator enables a timer.
PACKAGING = src/packaging
UNITS = lib/systemd/system/ntcli-
SYSTEMD = $(addprefix $(UNITS),failed@.service deliver@.path changed@.service deliver@.service \
	renew.service renew.timer renew@.service renew@.timer)
DELIVER = lib/ntcli/deliver
GUIDES = $(patsubst src/docs/%,share/doc/ntcli/%,$(wildcard src/docs/*.md))
STATES = $(patsubst $(PACKAGING)/%,share/ntcli/%,$(wildcard $(PACKAGING)/state/*.sh))
USER = lib/sysusers.d/ntcli.conf
STATE = lib/tmpfiles.d/ntcli.conf
# The folders that were not there before, for `make uninstall`.
MADE = $(DESTDIR)$(PREFIX)/lib/ntcli/folders
INSTALLED = bin/ntcli $(MAN) $(BASH) $(ZSH) $(FISH) $(SYSTEMD) $(DELIVER) $(USER) $(STATE) $(GUIDES) $(STATES)
# One unit for all workspaces, and one with a workspace's name or UUID as its instance.
unit = sed -e '/@SANDBOX@/ { r $(PACKAGING)/sandbox.conf' -e 'd; }' -e 's|@BIN@|$(PREFIX)/bin/ntcli|' \
	-e 's|@LIB@|$(PREFIX)/lib/ntcli|' -e 's|@SCOPE@|$(2)|' -e 's|@OF@|$(3)|' $(PACKAGING)/$(1).in

.PHONY: build static test year soak fuzz lint fmt demo control-plane bench install uninstall deb vendor dist reproduce \
	test-dist test-systemd test-fresh simulate release sums ci clean

# The time says that it is not older than the source, even if cargo had nothing to do. With a `build.target` in
# its configuration cargo puts the program elsewhere, and what is here is an older one.
build:
	.ci/need.sh cargo cc
	rm -f $(BUILT)
	$(RELEASE) build --release --locked
	@test -e $(BUILT) || { echo 'Error: cargo was told by [build] target in a config.toml to build for another kind of' \
		'machine' >&2; echo 'Hint: make static STATIC_TARGET=that; or take it out' >&2; exit 1; }
	touch $(BUILT)

# One file that needs no C library; STATIC_TARGET=aarch64-unknown-linux-musl for 64-bit ARM.
STATIC_TARGET = $(shell uname -m)-unknown-linux-musl
static:
	$(FLAGS) CARGO="$(CARGO)" .ci/static.sh $(STATIC_TARGET)

# Format, lints, documentation, unit tests, integration tests.
test:
	.ci/need.sh cargo cc strace openssl curl ip
	$(MAKE) lint
	$(CARGO) test --locked

# Random inputs, SECS seconds for each kind; a failure prints its seed.
SECS = 60
fuzz:
	NTCLI_FUZZ_SECS=$(SECS) $(CARGO) test --locked --lib fuzz

# A distribution's Rust may come without rustfmt and clippy; on CI both must be there.
has = $(CARGO) $(1) --version > /dev/null 2>&1
lint:
	@$(call has,fmt) || test -n "$$CI" || echo 'Skipped: cargo fmt, which is not installed'
	$(call has,fmt) && $(CARGO) fmt --check || { ! $(call has,fmt) && test -z "$$CI"; }
	$(call has,clippy) && $(CARGO) clippy --locked --all-targets -- -D warnings || { ! $(call has,clippy) && test -z "$$CI"; }
	! command -v actionlint > /dev/null || actionlint
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items --quiet

# Four hundred nights of `renew` in a world that goes wrong, not the first sixty.
year:
	NTCLI_YEAR=400 $(CARGO) test --locked --test integration a_year_of_nights -- --nocapture

# Every pair of faults in the simulation of the transaction, not a sample.
simulate:
	NTCLI_SIMULATE=1 $(CARGO) test --release --locked --lib rotation -- --nocapture

# Ten targets of all kinds, a kill in every third refresh and a dead target in every fourth.
ROUNDS = 1000
soak:
	NTCLI_SOAK=$(ROUNDS) $(CARGO) test --locked --test integration targets::soak

fmt:
	$(CARGO) fmt

# A new user's first steps, against a control plane of its own on loopback.
demo: build
	$(RELEASE) build --release --locked --example control-plane
	target/release/examples/control-plane --demo $(NTCLI)

# The cost of a refresh by the program as it is released, compared with curl.
bench: static
	CARGO_PROFILE_RELEASE_STRIP=none $(RELEASE) build --release --locked --target-dir $(SYMBOLS)
	$(RELEASE) run --quiet --release --locked --example control-plane -- \
		--bench target/$(STATIC_TARGET)/release/ntcli $(SYMBOLS)/release/ntcli

# Runs a control plane to experiment with; prints the lines to paste.
control-plane:
	$(CARGO) run --quiet --locked --example control-plane

# Uses a build that is not older than the source, so that the installing user needs no toolchain.
install:
	@is_new() { test -x $(NTCLI) && test -z "$$(find Cargo.toml Cargo.lock src -newer $(NTCLI))"; }; \
	is_new || { command -v $(CARGO) > /dev/null && $(if $(filter $(BUILT),$(NTCLI)),$(MAKE) build,is_new); } || { \
		echo 'Error: $(NTCLI) is missing or older than the source, and cannot be built by this user' >&2; \
		echo 'Hint: make $(if $(filter $(BUILT),$(NTCLI)),build,static), as a user who has Rust; then this command again' >&2; exit 1; }
	@made=$$(for dir in $(addprefix $(DESTDIR)$(PREFIX)/,$(sort $(dir $(INSTALLED)))); do \
		while test ! -d "$$dir"; do echo "$${dir%/}"; dir=$$(dirname "$$dir"); done; done) && \
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,$(sort $(dir $(INSTALLED)))) && \
	{ test -z "$$made" || echo "$$made" >> $(MADE); }
	install -m 755 $(NTCLI) $(DESTDIR)$(PREFIX)/bin/ntcli
	@umask 022 && cd $(DESTDIR)$(PREFIX) && \
	for page in $(PAGES); do ./bin/ntcli man $$page > share/man/man1/$$page.1 || exit 1; done && \
	./bin/ntcli completions bash > $(BASH) && \
	./bin/ntcli completions zsh > $(ZSH) && \
	./bin/ntcli completions fish > $(FISH)
	install -m 644 $(PACKAGING)/ntcli-deliver@.path $(DESTDIR)$(PREFIX)/$(dir $(UNITS))
	install -m 644 $(PACKAGING)/sysusers.conf $(DESTDIR)$(PREFIX)/$(USER)
	install -m 644 $(PACKAGING)/tmpfiles.conf $(DESTDIR)$(PREFIX)/$(STATE)
	@umask 022 && units=$(DESTDIR)$(PREFIX)/$(UNITS) && \
	for one in failed changed deliver; do $(call unit,$$one.service) > $${units}$$one@.service || exit 1; done && \
	$(call unit,renew.service) > $${units}renew.service && \
	$(call unit,renew.service, %i, of %i) > $${units}renew@.service && \
	$(call unit,renew.timer) > $${units}renew.timer && \
	$(call unit,renew.timer,, of %i) > $${units}renew@.timer
	install -m 755 $(PACKAGING)/deliver.sh $(DESTDIR)$(PREFIX)/$(DELIVER)
	install -m 644 src/docs/*.md $(DESTDIR)$(PREFIX)/share/doc/ntcli
	install -m 755 $(PACKAGING)/state/*.sh $(DESTDIR)$(PREFIX)/share/ntcli/state

uninstall:
	made=$$(sort -ru $(MADE) 2> /dev/null); \
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(INSTALLED)) $(MADE) && \
	for dir in $$made; do rmdir "$$dir" 2> /dev/null || true; done

# The same as a package for Debian and its derivatives, in dist/.
deb: $(if $(filter $(BUILT),$(NTCLI)),build)
	.ci/deb.sh

# The crates of Cargo.lock, into vendor/.
vendor:
	CARGO="$(CARGO)" .ci/vendor.sh

# An archive of the last commit that builds without a network.
dist: vendor
	.ci/dist.sh
	CARGO="$(CARGO)" .ci/supply.sh
	$(MAKE) sums

# Checks that an archive, and a program, are what this commit makes.
reproduce:
	.ci/reproduce.sh "$(ARCHIVE)" $(PROGRAM)

# Builds, installs and tests it without a network.
test-dist: dist
	.ci/test-dist.sh

# What a release holds, in dist/: the archive and what belongs to it, the static program, and a package of it.
STATIC = target/$(STATIC_TARGET)/release/ntcli
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
release: dist static
	$(MAKE) deb NTCLI=$(STATIC)
	cp $(STATIC) dist/ntcli-$(VERSION)-$(firstword $(subst -, ,$(STATIC_TARGET)))-linux
	cp .github/Containerfile dist
	$(MAKE) sums

# What `gh attestation` and `sha256sum -c` go by.
sums:
	cd dist && rm -f SHA256SUMS && sha256sum -- * > SHA256SUMS

# Everything that must hold, as it is tried for every change.
ci:
	.ci/run

# A newcomer's two commands on a bare Debian: SUITE=trixie
SUITE = bookworm
test-fresh:
	DEBIAN_MIRROR="$(DEBIAN_MIRROR)" .ci/fresh.sh $(SUITE)

# The package and the units of the README under a systemd of their own, in a container.
test-systemd: deb
	$(CARGO) build --locked --example control-plane
	.ci/systemd-test.sh

clean:
	$(CARGO) clean
