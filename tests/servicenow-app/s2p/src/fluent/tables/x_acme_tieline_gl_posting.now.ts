import '@servicenow/sdk/global'
import { DateColumn, DecimalColumn, StringColumn, Table } from '@servicenow/sdk/core'

export const x_acme_tieline_gl_posting = Table({
    name: 'x_acme_tieline_gl_posting',
    label: 'Tieline GL posting',
    display: 'u_source_key',
    audit: true,
    schema: {
        u_source_key: StringColumn({ label: 'Source key', maxLength: 120 }),
        u_source_version: StringColumn({ label: 'Source version', maxLength: 40 }),
        u_account_number: StringColumn({ label: 'Account number', maxLength: 100 }),
        u_description: StringColumn({ label: 'Description', maxLength: 255 }),
        u_amount: DecimalColumn({ label: 'Amount', scale: 4 }),
        u_currency: StringColumn({ label: 'Currency', maxLength: 40 }),
        u_document_amount: DecimalColumn({ label: 'Document amount', scale: 4 }),
        u_document_currency: StringColumn({ label: 'Document currency', maxLength: 40 }),
        u_document_date: DateColumn({ label: 'Document date' }),
        u_posting_date: DateColumn({ label: 'Posting date' }),
        u_journal: StringColumn({ label: 'Journal', maxLength: 1000 }),
        u_vendor: StringColumn({ label: 'Vendor', maxLength: 255 }),
        u_source_state: StringColumn({ label: 'Source state', maxLength: 40 }),
    },
    allowWebServiceAccess: true,
    actions: ['create', 'read', 'update'],
    index: [{ name: 'index_u_source_key', unique: true, element: 'u_source_key' }],
})
