// What the coordinator's log says, by position, so that it can be read at any size (STATE-9).
export function originParts(origin) {
  const match = /^([^/]+)\/([a-z][a-z0-9-]{0,31})\/([1-9][0-9]{0,5})$/.exec(origin); // STATE-1
  return match === null ? null : { federation: match[1], site: match[2], epoch: Number(match[3]) };
}

export class Federation {
  constructor(origin) {
    this.origin = origin;
    this.size = 0; // entries that have been judged
    this.rootAt = () => null; // root of the first n entries
    this.lists = new Map(); // `kind/key` -> [{position, body}], in the order of the log
  }

  put(kind, key, position, body) {
    const name = `${kind}/${key}`;
    if (!this.lists.has(name)) this.lists.set(name, []);
    this.lists.get(name).push({ position, body });
  }

  // All that counts below a size, and the latest of it.
  all(kind, key, size = Infinity) {
    return (this.lists.get(`${kind}/${key}`) ?? []).filter(({ position }) => position < size);
  }

  latest(kind, key, size = Infinity) {
    return this.all(kind, key, size).pop()?.body;
  }

  addMembership(position, body) {
    this.put('member', body.site, position, body);
    this.put('origin', body.origin, position, body);
    this.put('members', '', position, body);
    if (body.ends !== undefined) this.put('ends', body.ends.origin, position, body.ends);
  }

  membership(site, size) {
    return this.latest('member', site, size);
  }

  // The site whose membership names, or has named, a log.
  siteOf(origin, size) {
    return this.latest('origin', origin, size)?.site;
  }

  sites(size) {
    return [...new Set(this.all('members', '', size).map(({ body }) => body.site))];
  }

  // Latest memberships of the members that are admitted.
  admitted(size) {
    return this.sites(size).map((site) => this.membership(site, size)).filter(({ status }) => status === 'admitted');
  }

  // Every log that a site has, or has had (XFER-2).
  logsOf(site, size) {
    return this.all('member', site, size).map(({ body }) => body.origin);
  }

  // MEM-15: who looks after a site that is gone; undefined where it is not.
  caretaker(site, size) {
    const isGone = (body) => body?.status === 'left' || body?.status === 'expelled';
    let membership = this.membership(site, size);
    if (!isGone(membership)) return undefined;
    for (const seen = new Set(); membership?.successor !== undefined && !seen.has(membership.successor); ) {
      seen.add(membership.successor);
      membership = this.membership(membership.successor, size);
      if (membership?.status === 'admitted') return membership.site;
    }
    return originParts(this.origin).site;
  }

  // ERASE-7: where the log of a site that has left ended; it may come back.
  endWhileAway(origin, size) {
    const membership = this.membership(this.siteOf(origin, size), size);
    const ends = this.all('ends', origin, size).map(({ body }) => body.size);
    const isAway = membership?.status === 'left' && membership.origin === origin;
    return isAway && ends.length > 0 ? Math.max(...ends) : Infinity;
  }

  // STATE-2: the root key that signs entry 0 of a log.
  rootOfLog(origin) {
    return this.all('origin', origin)[0]?.body.root;
  }

  // EPOCH-9: entry 0 of a log that continues another, as the membership names it.
  beginningOf(origin) {
    return this.all('origin', origin)[0]?.body.epoch;
  }

  // SYNC-1: one of these root keys has to be one of a log's; the latest, and before it those that members have
  // replaced by approvals, which the site may not have named yet.
  leadingRoots(origin) {
    return this.all('origin', origin).reduce((found, { body }) => {
      if (found[0]?.equals(body.root)) return found;
      return body.approvals === undefined ? [body.root] : [body.root, ...found];
    }, []);
  }

  scheme(code, size) {
    return this.latest('scheme', code, size);
  }

  criterion(scheme, code, size) {
    return this.latest('criterion', `${scheme} ${code}`, size);
  }

  // All versions of the criteria of a scheme, in their order.
  criteriaVersions(scheme, size) {
    return this.all('criteria', scheme, size).map(({ body }) => body);
  }
}
