/** Organisations, invitations to one, and members that nobody signs in as. */
import { useQuery } from "@tanstack/react-query";
import { inOrder } from "../text/format";
import { api, data, envelope, page, type Schemas } from "./client";

export type Organisation = Schemas["OrgItem"];
export type Invitation = Schemas["InvitationItem"];
export type Service = Schemas["ServiceItem"];

export const ORGS = ["organisations"] as const;
export const INVITATIONS = ["invitations"] as const;
export const SERVICES = ["service-accounts"] as const;
const LIMIT = { limit: 500 };

export const useOrganisations = () =>
  useQuery({ queryKey: ORGS, queryFn: () => data(api.GET("/api/v1/orgs")) });

export const createOrganisation = (body: Schemas["OrgBody"]) =>
  data(api.POST("/api/v1/orgs", { body }));

export const renameOrganisation = (id: string, name: string) =>
  data(api.PATCH("/api/v1/orgs/{id}", { params: { path: { id } }, body: { name } }));

export const deleteOrganisation = (id: string) =>
  envelope(api.DELETE("/api/v1/orgs/{id}", { params: { path: { id }, query: { confirm: id } } }));

export const useInvitations = () =>
  useQuery({
    queryKey: INVITATIONS,
    queryFn: async () =>
      (await page(api.GET("/api/v1/invitations", { params: { query: LIMIT } }))).items,
  });

export const invite = (body: Schemas["InvitationBody"]) =>
  data(api.POST("/api/v1/invitations", { body }));

export const withdraw = (id: string) =>
  envelope(api.DELETE("/api/v1/invitations/{id}", { params: { path: { id } } }));

export const useServices = (enabled = true) =>
  useQuery({
    queryKey: SERVICES,
    enabled,
    queryFn: async () => {
      const { items } = await page(
        api.GET("/api/v1/service-accounts", { params: { query: LIMIT } }),
      );
      return items.sort((a, b) => inOrder(a.name, b.name));
    },
  });

export const createService = (name: string) =>
  data(api.POST("/api/v1/service-accounts", { body: { name } }));

export const deleteService = (id: string) =>
  envelope(api.DELETE("/api/v1/service-accounts/{id}", { params: { path: { id } } }));
