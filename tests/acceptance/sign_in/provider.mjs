// A certified provider of OpenID Connect for the tests, with people that a test makes and disables.
// Arguments: port, and as JSON the clients. `/control/person` takes {"sub", "claims"} (null: disabled);
// `/control/logout` {"client", "sub"} signs somebody out at each client (back-channel);
// `/control/away` {"away"} answers nothing but 503 until it is taken back.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [port, clients] = [Number(process.argv[2]), JSON.parse(process.argv[3])];
const issuer = `http://127.0.0.1:${port}`;
const people = new Map();
let away = false;

const provider = new Provider(issuer, {
  clients,
  async findAccount(_, sub) {
    const claims = people.get(sub);
    return claims ? { accountId: sub, claims: async () => ({ sub, ...claims }) } : undefined;
  },
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username', 'groups'],
    email: ['email', 'email_verified'],
  },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }), // loopback, too
  pkce: { required: () => true },
  ttl: { RefreshToken: 86400 },
});
for (const name of ['grant.error', 'server_error', 'userinfo.error']) {
  provider.on(name, (_, error) => console.log(name, error.message));
}
const answer = provider.callback();

async function control(path, body) {
  if (path === '/control/person') people.set(body.sub, body.claims);
  if (path === '/control/away') away = body.away;
  if (path === '/control/logout') {
    const client = await provider.Client.find(body.client);
    await client.backchannelLogout(body.sub, body.sid);
  }
}

createServer(async (request, response) => {
  if (request.url.startsWith('/control/')) {
    let text = '';
    for await (const chunk of request) text += chunk;
    try {
      await control(request.url, JSON.parse(text));
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(500).end(`${error} ${error.cause}`);
    }
    return;
  }
  if (away) {
    response.writeHead(503).end();
    return;
  }
  answer(request, response);
}).listen(port, '127.0.0.1', () => console.log('ready'));
