#!/bin/sh
# Make what compose.yaml mounts: deploy/secrets with one file a secret, and deploy/nrr.toml. What is there stays; passwords that are missing are made up.
#   sh deploy/secrets.sh                      then put the Stripe key into deploy/secrets/stripe_api_key
# The folder is yours alone. The files in it can be read by any user, because those of the containers have other numbers than yours: who can't
# enter the folder can't reach them, and a container sees those files alone that compose.yaml gives to it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/secrets}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

put() { # name, value: unless the file is there
    if [ ! -e "$folder/$1" ]; then printf '%s' "$2" >"$folder/$1"; fi
    chmod 644 "$folder/$1"
}
word() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
held() { cat "$folder/$1"; }

for name in postgres_password postgres_owner_password postgres_app_password postgres_read_password redis_password serve_token; do
    put "$name" "$(word)"
done
put owner_database_url "postgresql://nrr_owner:$(held postgres_owner_password)@postgres:5432/nrr"
put database_url "postgresql://nrr_app:$(held postgres_app_password)@postgres:5432/nrr"
put redis_url "redis://:$(held redis_password)@redis:6379/0"
# Yours to fill in; what stays empty is not used.
for name in stripe_api_key slack_webhook_url slack_bot_token teams_webhook_url alert_webhook_url alert_webhook_secret smtp_password proxy; do
    put "$name" ""
done
[ -e "$here/nrr.toml" ] || [ "$folder" != "$here/secrets" ] || {
    printf '# Settings of nrr; `nrr init` writes a commented one, and the README tells more. No secrets here: they are files in secrets/.\n' >"$here/nrr.toml"
    chmod 644 "$here/nrr.toml"
}
echo "secrets are in $folder"
[ -s "$folder/stripe_api_key" ] || echo "next: put a restricted key with read access (rk_live_…) into $folder/stripe_api_key"
