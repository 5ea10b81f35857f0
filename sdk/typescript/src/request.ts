/** What is sent for a token: where the credentials stand and how the body is written, by dialect. */

import type { Question } from './credentials.js';
import type { TransportRequest } from './transport.js';

/** A request without what ends it. */
export type Unsent = Omit<TransportRequest, 'signal'>;

/** The request for a token at an address, with one of the secrets. */
export function tokenRequest(question: Question, url: string, secret: string): Unsent {
  const { dialect, auth, id } = question;
  if (dialect === 'password') return json(url, { email: id, password: secret });
  const grant = { grant_type: 'client_credentials' };
  const inBody = { client_id: id, client_secret: secret };
  const rest = configured(question);
  // m3ter's own examples send both as they are, and its ids and secrets need no encoding.
  if (dialect === 'access_key') return json(url, { ...grant, ...rest }, basic(id, secret));
  if (auth === 'json') return json(url, { ...grant, ...inBody, ...rest });
  if (auth === 'form') return form(url, { ...grant, ...inBody, ...rest });
  return form(url, { ...grant, ...rest }, basic(formEncoded(id), formEncoded(secret)));
}

/** The request for a discovery document. */
export function discoveryRequest(url: string): Unsent {
  return { method: 'GET', url, headers: { accept: 'application/json' } };
}

function configured({ audience, resource, scope }: Question): Record<string, string> {
  const all = Object.entries({ audience, resource, scope });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function json(url: string, members: Record<string, string>, authorization?: string): Unsent {
  return post(url, 'application/json', JSON.stringify(members), authorization);
}

function form(url: string, parameters: Record<string, string>, authorization?: string): Unsent {
  return post(url, 'application/x-www-form-urlencoded', new URLSearchParams(parameters).toString(), authorization);
}

function post(url: string, type: string, body: string, authorization: string | undefined): Unsent {
  const headers = { accept: 'application/json', 'content-type': type };
  return { method: 'POST', url, headers: authorization === undefined ? headers : { ...headers, authorization }, body };
}

function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${id}:${secret}`, 'utf8').toString('base64')}`;
}

/** As RFC 6749, section 2.3.1, asks for: only then can an id hold a colon. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
