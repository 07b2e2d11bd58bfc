#!/usr/bin/env bash
# Builds target/package/tieline_VERSION_ARCH.deb: the program without simulators and fail points, the
# systemd unit, manual pages, shell completions, documentation, alert rules and dashboard.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in dpkg-deb dpkg gzip; do
  command -v "$tool" >/dev/null || { echo "package: \`$tool\` is missing; build the Debian package on Debian" >&2; exit 1; }
done

cargo build --release --locked --target-dir target/package/build
program=target/package/build/release/tieline
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
arch=$(dpkg --print-architecture)
root=target/package/root
rm -rf "$root"

put() { install -D -m "$1" "$2" "$root/$3"; }
put 755 "$program" usr/bin/tieline
put 644 deploy/systemd/tieline.service lib/systemd/system/tieline.service
put 644 config/tieline.toml etc/tieline/tieline.toml
# The service and a command that a person runs under its account must use the same directory.
sed -i 's|^# directory = "/var/lib/tieline"$|directory = "/var/lib/tieline"|' "$root/etc/tieline/tieline.toml"
grep -q '^directory = "/var/lib/tieline"$' "$root/etc/tieline/tieline.toml" || { echo "package: config/tieline.toml has no line \`# directory = \"/var/lib/tieline\"\`" >&2; exit 1; }
put 644 deploy/debian/default etc/default/tieline
# The pages keep their relative paths, so that the links between them work.
for file in README.md CHANGELOG.md docs/*.md docs/*.png; do put 644 "$file" "usr/share/doc/tieline/$file"; done
put 644 LICENSE usr/share/doc/tieline/copyright
for file in deploy/prometheus/*.yml; do put 644 "$file" "usr/share/doc/tieline/prometheus/$(basename "$file")"; done
put 644 deploy/grafana/tieline.json usr/share/doc/tieline/grafana/tieline.json
for folder in entities profiles lookups schema variants; do
  (cd config && find "$folder" -type f) | while read -r file; do put 644 "config/$file" "usr/share/doc/tieline/config/$file"; done
done
mkdir -p "$root/usr/share/man/man1" "$root/usr/share/bash-completion/completions" "$root/usr/share/zsh/vendor-completions"
"$program" man --directory "$root/usr/share/man/man1" >/dev/null
gzip -9n "$root"/usr/share/man/man1/*.1
"$program" completions bash > "$root/usr/share/bash-completion/completions/tieline"
"$program" completions zsh > "$root/usr/share/zsh/vendor-completions/_tieline"

# The packages of this machine that contain the libraries of the program.
depends=$(ldd "$program" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | while read -r library; do
  dpkg -S "$(realpath "$library")" 2>/dev/null || dpkg -S "$library" 2>/dev/null || true
done | cut -d: -f1 | sort -u | grep -E '^(libc6|libgcc-s1|libpq5)$' | paste -sd, | sed 's/,/, /g')
mkdir -p "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@DEPENDS@/$depends/" -e "s/@SIZE@/$(du -sk "$root" | cut -f1)/" \
  deploy/debian/control.in > "$root/DEBIAN/control"
install -m 644 deploy/debian/conffiles "$root/DEBIAN/conffiles"
install -m 755 deploy/debian/postinst deploy/debian/prerm deploy/debian/postrm "$root/DEBIAN/"
dpkg-deb --root-owner-group --build "$root" "target/package/tieline_${version}_${arch}.deb"
