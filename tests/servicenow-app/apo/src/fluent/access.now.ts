import '@servicenow/sdk/global'
import { Acl } from '@servicenow/sdk/core'
import { integration, viewer } from './roles.now'

Acl({
    '$id': Now.ID['acl cmn_cost_center.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'cmn_cost_center',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl cmn_cost_center.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'cmn_cost_center',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl itfm_gl_accounts.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'itfm_gl_accounts',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl itfm_gl_accounts.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'itfm_gl_accounts',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_gl_posting_imp read'],
    type: 'record',
    table: 'x_acme_tieline_gl_posting_imp',
    operation: 'read',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_gl_posting_imp create'],
    type: 'record',
    table: 'x_acme_tieline_gl_posting_imp',
    operation: 'create',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_gl_posting_imp delete'],
    type: 'record',
    table: 'x_acme_tieline_gl_posting_imp',
    operation: 'delete',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_gl_posting read'],
    type: 'record',
    table: 'x_acme_tieline_gl_posting',
    operation: 'read',
    roles: [integration, viewer],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_supplier_imp read'],
    type: 'record',
    table: 'x_acme_tieline_supplier_imp',
    operation: 'read',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_supplier_imp create'],
    type: 'record',
    table: 'x_acme_tieline_supplier_imp',
    operation: 'create',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_supplier_imp delete'],
    type: 'record',
    table: 'x_acme_tieline_supplier_imp',
    operation: 'delete',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_supplier read'],
    type: 'record',
    table: 'x_acme_tieline_supplier',
    operation: 'read',
    roles: [integration, viewer],
})

Acl({
    '$id': Now.ID['acl proc_po.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'proc_po',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl proc_po.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'proc_po',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl proc_po_item.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'proc_po_item',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl proc_po_item.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'proc_po_item',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_invoice_imp read'],
    type: 'record',
    table: 'x_acme_tieline_invoice_imp',
    operation: 'read',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_invoice_imp create'],
    type: 'record',
    table: 'x_acme_tieline_invoice_imp',
    operation: 'create',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_invoice_imp delete'],
    type: 'record',
    table: 'x_acme_tieline_invoice_imp',
    operation: 'delete',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_invoice read'],
    type: 'record',
    table: 'x_acme_tieline_invoice',
    operation: 'read',
    roles: [integration, viewer],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_invoice_line_imp read'],
    type: 'record',
    table: 'x_acme_tieline_invoice_line_imp',
    operation: 'read',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_invoice_line_imp create'],
    type: 'record',
    table: 'x_acme_tieline_invoice_line_imp',
    operation: 'create',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_invoice_line_imp delete'],
    type: 'record',
    table: 'x_acme_tieline_invoice_line_imp',
    operation: 'delete',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_invoice_line read'],
    type: 'record',
    table: 'x_acme_tieline_invoice_line',
    operation: 'read',
    roles: [integration, viewer],
})
