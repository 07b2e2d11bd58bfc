// The OpenID provider of npm, as a site would run one, for tests/it/oidc.rs. What it needs is JSON in OIDC: `tools` with the package, the
// `port`, and the `console` to which people return. Everything is in memory. It prints a line once it listens.
//
// Whoever signs in gives a login; the accounts below say what the provider tells of it. The password is not checked.

import { generateKeyPairSync } from "node:crypto";
import { pathToFileURL } from "node:url";

const { tools, port, console: site } = JSON.parse(process.env.OIDC);
const { Provider } = await import(pathToFileURL(`${tools}/node_modules/oidc-provider/lib/index.js`));

const accounts = {
  u1: { preferred_username: "Anna Berg", roles: ["staff", "finance-controllers"] },
  u2: { preferred_username: "ben", roles: ["staff"] },
  u3: { preferred_username: "carl", roles: ["somebody-else"] },
};

const jwk = (kid, type, options) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }), kid, use: "sig" });

const client = (id, alg, method, secret) => ({
  client_id: id,
  client_secret: secret,
  token_endpoint_auth_method: method,
  id_token_signed_response_alg: alg,
  redirect_uris: [`${site}/sign-in/callback`],
  post_logout_redirect_uris: [`${site}/sign-in`],
  response_types: ["code"],
  grant_types: ["authorization_code"],
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    client("tieline", "RS256", "client_secret_basic", "SENTINEL client secret/1"),
    client("tieline-ps", "PS256", "none"),
    client("tieline-es", "ES256", "none"),
  ],
  jwks: { keys: [jwk("rsa-1", "rsa", { modulusLength: 2048 }), jwk("ec-1", "ec", { namedCurve: "P-256" })] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256"] },
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  claims: { openid: ["sub"], profile: ["preferred_username", "roles"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["only for this test"] },
  pkce: { required: () => true },
});

provider.listen(port, "127.0.0.1", () => console.log("ready"));
