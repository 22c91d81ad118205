/** Webhooks, and what was delivered to them. */
import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, page, type Schemas } from "./client";

export type Webhook = Schemas["WebhookItem"];
export type WebhookBody = Schemas["WebhookBody"];
export type Delivery = Schemas["DeliveryItem"];

export const WEBHOOKS = ["webhooks"] as const;
/** The newest that are shown. */
const SHOWN = 50;

export const useWebhooks = () =>
  useQuery({
    queryKey: WEBHOOKS,
    queryFn: async () =>
      (await page(api.GET("/api/v1/webhooks", { params: { query: { limit: 500 } } }))).items,
  });

const of = (id: string) => ({ params: { path: { id } } });

export const useDeliveries = (id: string) =>
  useQuery({
    queryKey: [...WEBHOOKS, id, "deliveries"],
    queryFn: async () => {
      const params = { path: { id }, query: { limit: SHOWN } };
      return (await page(api.GET("/api/v1/webhooks/{id}/deliveries", { params }))).items;
    },
  });

export const makeWebhook = (body: WebhookBody) => data(api.POST("/api/v1/webhooks", { body }));

export const replaceWebhook = (id: string, body: WebhookBody) =>
  data(api.PUT("/api/v1/webhooks/{id}", { ...of(id), body }));

export const deleteWebhook = (id: string) => envelope(api.DELETE("/api/v1/webhooks/{id}", of(id)));

export const rotateSecret = (id: string) =>
  data(api.POST("/api/v1/webhooks/{id}/rotate-secret", of(id)));

export const testWebhook = (id: string) => data(api.POST("/api/v1/webhooks/{id}/test", of(id)));

export const redeliver = (id: string, delivery: string) =>
  data(
    api.POST("/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", {
      params: { path: { id, delivery_id: delivery } },
    }),
  );
