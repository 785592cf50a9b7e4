import { z } from 'zod';

// zod's fast path makes functions out of text, which the content security policy forbids, and only trying it is reported.
z.config({ jitless: true });
