import { z } from 'zod';
import { HexSchema } from '../common.ts';
import { CodePlacesSchema, MAX_PLACES } from '../places.ts';
import { ask, result } from '../procedure.ts';
import { BootReportSchema, DriverRegistrySchema, EpitaphSchema, TraceSpansSchema } from '../records.ts';
import { SourceRefSchema, withSource } from './source.ts';

/** The questions of the page about a machine or a dump, one a subject: `inspect.*` of the contract. */
export const inspectContract = {
  boot: ask(SourceRefSchema, result(BootReportSchema)),
  trace: ask(SourceRefSchema, result(TraceSpansSchema)),
  epitaph: ask(SourceRefSchema, result(EpitaphSchema)),
  drivers: ask(SourceRefSchema, result(DriverRegistrySchema)),
  /** Names and source of addresses of the kernel; with `returns`, of the calls before these return addresses. */
  places: ask(
    withSource({ addresses: z.array(HexSchema).max(MAX_PLACES), returns: z.boolean().default(false) }),
    result(CodePlacesSchema),
  ),
};
