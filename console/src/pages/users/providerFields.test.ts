import { describe, expect, it } from "vitest";
import type { ProviderDetail } from "../../api/providers";
import { bodyOf, isComplete, valuesOf } from "./providerFields";

const OIDC: ProviderDetail = {
  id: "p1",
  kind: "oidc",
  name: "Works account",
  installation: false,
  settings: {
    issuer: "https://login.example.org",
    clientId: "longline",
    scopes: ["openid", "email"],
    create: true,
    groupsClaim: null,
    sessionHours: 12,
  },
  hasSecret: true,
  startUrl: null,
  createdAt: "2026-01-01T00:00:00.000Z",
};

describe("the form of a provider", () => {
  it("begins with what the hub has, but for the secret", () => {
    expect(valuesOf(OIDC)).toEqual({
      issuer: "https://login.example.org",
      clientId: "longline",
      scopes: "openid email",
      create: true,
      sessionHours: "12",
    });
  });

  it("sends words as a list, a number as one, and nothing that is empty", () => {
    const values = { ...valuesOf(OIDC), emailDomains: "a.example,  b.example", clientSecret: "" };
    expect(bodyOf("oidc", values)).toEqual({
      issuer: "https://login.example.org",
      clientId: "longline",
      scopes: ["openid", "email"],
      create: true,
      emailDomains: ["a.example", "b.example"],
      sessionHours: 12,
    });
  });

  it("is complete with what is needed; a secret that is kept need not be typed again", () => {
    expect(isComplete("oidc", valuesOf(OIDC), false)).toBe(true);
    expect(isComplete("oidc", { issuer: " ", clientId: "c" }, true)).toBe(false);
    const directory = { url: "ldaps://x", bindDn: "cn=x", baseDn: "dc=x" };
    expect(isComplete("ldap", directory, false)).toBe(false);
    expect(isComplete("ldap", directory, true)).toBe(true);
  });
});
